/** Records of MQTT, in the manner of Lambda's Kinesis records. */
import type { IPublishPacket } from 'mqtt'
import { createHash, randomUUID } from 'node:crypto'
import { base64, brokerRecord, filterableData } from './record.ts'
import type { SourceRecord } from './source.ts'

/**
 * A packet id is the message's until it is acknowledged, also over reconnections, while the broker keeps the session:
 * `epoch` counts the sessions it lost. QoS 0 is never delivered again.
 */
export function mqttId({ messageId, qos, topic, payload }: IPublishPacket, epoch: number): string {
  if (qos === 0 || messageId === undefined) return randomUUID()
  const hash = createHash('sha256').update(topic).update('\0').update(payload).digest('hex').slice(0, 16)
  return `${epoch}-${messageId}-${hash}`
}

export function mqttRecord(packet: IPublishPacket, id: string, eventSourceArn: string): SourceRecord {
  const { topic, qos, retain, dup } = packet
  const payload = Buffer.from(packet.payload)
  const createdAt = Date.now()
  return brokerRecord({
    id,
    orderKey: topic,
    json: {
      eventID: id,
      eventName: 'thaw:mqtt:record',
      eventSource: 'thaw:mqtt',
      eventSourceARN: eventSourceArn,
      mqtt: {
        topic,
        sequenceNumber: id,
        approximateArrivalTimestamp: createdAt / 1_000,
        qos,
        retain,
        duplicate: dup,
        data: base64(payload),
      },
    },
    filterable: { topic, data: filterableData(payload) },
    createdAt,
    attempt: dup ? 2 : 1,
  })
}
