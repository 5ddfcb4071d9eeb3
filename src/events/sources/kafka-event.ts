/**
 * Lambda's event for self-managed Apache Kafka (docs.aws.amazon.com/lambda/latest/dg/with-kafka.html, "Example event").
 * There is no driver yet: a mapping to Kafka is refused by name.
 */
import { ThawError } from '../../errors.ts'
import { base64 } from './record.ts'
import { parseSourceArn } from './broker-arn.ts'
import type { SourceDriver } from './source.ts'

export interface KafkaRecord {
  topic: string
  partition: number
  offset: number
  /** ms since the epoch. */
  timestamp: number
  timestampType: 'CREATE_TIME' | 'LOG_APPEND_TIME'
  key: Uint8Array | undefined
  /** Undefined: a tombstone. */
  value: Uint8Array | undefined
  /** A name may be there more than once. */
  headers: readonly (readonly [name: string, value: Uint8Array])[]
}

export interface KafkaEvent {
  eventSource: 'SelfManagedKafka'
  /** Separated by commas. */
  bootstrapServers: string
  /** By `topic-partition`, in the order of their offsets. */
  records: Record<string, KafkaEventRecord[]>
}

export interface KafkaEventRecord {
  topic: string
  partition: number
  offset: number
  timestamp: number
  timestampType: string
  /** Base64. */
  key?: string
  value?: string
  /** Values as bytes. */
  headers: Record<string, number[]>[]
}

export function kafkaEvent(bootstrapServers: readonly string[], records: readonly KafkaRecord[]): KafkaEvent {
  const partitions = Map.groupBy(records, ({ topic, partition }) => `${topic}-${partition}`)
  return {
    eventSource: 'SelfManagedKafka',
    bootstrapServers: bootstrapServers.join(','),
    records: Object.fromEntries(
      [...partitions].map(([name, members]) => [
        name,
        members.toSorted((one, other) => one.offset - other.offset).map(eventRecord),
      ]),
    ),
  }
}

function eventRecord({ key, value, headers, ...rest }: KafkaRecord): KafkaEventRecord {
  return {
    topic: rest.topic,
    partition: rest.partition,
    offset: rest.offset,
    timestamp: rest.timestamp,
    timestampType: rest.timestampType,
    ...(key === undefined ? {} : { key: base64(key) }),
    ...(value === undefined ? {} : { value: base64(value) }),
    headers: headers.map(([name, bytes]) => ({ [name]: [...bytes] })),
  }
}

/** Takes the ARNs of Amazon MSK in order to say no. */
export function createKafkaRefusal(): SourceDriver {
  const refuse = async (): Promise<never> => {
    throw new ThawError('InvalidParameterValue', 'Apache Kafka is not supported as an event source yet.')
  }
  return {
    kind: 'stream',
    matches: (arn) => parseSourceArn(arn)?.service === 'kafka',
    check: refuse,
    open: refuse,
  }
}
