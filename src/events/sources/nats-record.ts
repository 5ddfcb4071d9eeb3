/** Records of NATS JetStream, in the manner of Lambda's Kinesis records. */
import type { JsMsg } from '@nats-io/jetstream'
import { base64, brokerRecord, filterableData } from './record.ts'
import type { SourceRecord } from './source.ts'

export function natsRecord(message: JsMsg, eventSourceArn: string): SourceRecord {
  const { subject, data, info, headers, seq } = message
  const id = String(seq)
  const createdAt = Number(message.timestampNanos / 1_000_000n)
  return brokerRecord({
    id,
    orderKey: subject,
    json: {
      eventID: `${info.stream}:${id}`,
      eventName: 'thaw:nats:record',
      eventSource: 'thaw:nats',
      eventSourceARN: eventSourceArn,
      nats: {
        stream: info.stream,
        subject,
        sequenceNumber: id,
        approximateArrivalTimestamp: createdAt / 1_000,
        headers: headers === undefined ? {} : Object.fromEntries(headers),
        data: base64(data),
      },
    },
    filterable: { subject, data: filterableData(data) },
    createdAt,
    attempt: info.deliveryCount,
  })
}

/** Tokens between dots; `*` stands for one, `>` at the end for one or more (docs.nats.io, "Subject-based messaging"). */
export function isSubjectFilter(subject: string): boolean {
  const tokens = subject.split('.')
  return tokens.every(
    (token, index) => token !== '' && !/\s/.test(token) && (token !== '>' || index === tokens.length - 1),
  )
}

/** Whether some subject is matched by both. */
export function subjectsOverlap(one: string, other: string): boolean {
  const left = one.split('.')
  const right = other.split('.')
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [a, b] = [left[index], right[index]]
    if (a === undefined || b === undefined) return false
    if (a === '>' || b === '>') return true
    if (a !== b && a !== '*' && b !== '*') return false
  }
  return true
}
