import { expect, test } from 'vitest'
import { createKafkaRefusal, kafkaEvent } from '../../../src/events/sources/kafka-event.ts'
import { settingsFor } from './harness.ts'
import { nats } from './nats.harness.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

test("records become Lambda's event for self-managed Kafka, by topic and partition, in order", () => {
  const record = { topic: 'mytopic', partition: 0, timestamp: 1_545_084_650_987, timestampType: 'CREATE_TIME' } as const
  const event = kafkaEvent(
    ['b-2.example.com:9092', 'b-1.example.com:9092'],
    [
      { ...record, offset: 16, key: undefined, value: undefined, headers: [] },
      {
        ...record,
        offset: 15,
        key: bytes('key'),
        value: bytes('Hello, this is a test.'),
        headers: [
          ['headerKey', bytes('header')],
          ['headerKey', bytes('twice')],
        ],
      },
      { ...record, partition: 1, offset: 3, key: undefined, value: bytes('x'), headers: [] },
    ],
  )
  expect(event).toEqual({
    eventSource: 'SelfManagedKafka',
    bootstrapServers: 'b-2.example.com:9092,b-1.example.com:9092',
    records: {
      'mytopic-0': [
        {
          topic: 'mytopic',
          partition: 0,
          offset: 15,
          timestamp: 1_545_084_650_987,
          timestampType: 'CREATE_TIME',
          key: 'a2V5',
          value: 'SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==',
          headers: [{ headerKey: [...bytes('header')] }, { headerKey: [...bytes('twice')] }],
        },
        {
          topic: 'mytopic',
          partition: 0,
          offset: 16,
          timestamp: 1_545_084_650_987,
          timestampType: 'CREATE_TIME',
          headers: [],
        },
      ],
      'mytopic-1': [expect.objectContaining({ partition: 1, offset: 3, value: 'eA==' })],
    },
  })
})

test('a mapping to Kafka is refused by name', async () => {
  const driver = createKafkaRefusal()
  const settings = {
    ...settingsFor(nats, { resource: 'x' }),
    eventSourceArn: 'arn:aws:kafka:us-east-1:111111111111:cluster/main/uuid',
  }
  expect(driver.matches(settings.eventSourceArn)).toBe(true)
  const refusal = { code: 'InvalidParameterValue', message: 'Apache Kafka is not supported as an event source yet.' }
  await expect(driver.check(settings)).rejects.toMatchObject(refusal)
  await expect(driver.open(settings)).rejects.toMatchObject(refusal)
})
