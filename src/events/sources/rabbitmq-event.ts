/** Lambda's event for RabbitMQ (docs.aws.amazon.com/lambda/latest/dg/with-mq.html, "Using Lambda with Amazon MQ"). */
import type { ConsumeMessage } from 'amqplib'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { base64, brokerRecord, filterableData } from './record.ts'
import type { SourceRecord } from './source.ts'

/** The same for a message that is delivered again; two messages alike share it, and then one may stand for the other. */
export function contentKey({ content, properties }: ConsumeMessage): string {
  const { headers: { 'x-delivery-count': _, ...headers } = {}, ...rest } = properties
  const hash = createHash('sha256')
    .update(JSON.stringify([rest, headers]))
    .update(content)
    .digest('hex')
    .slice(0, 32)
  const { messageId } = properties
  return typeof messageId === 'string' ? `${messageId}:${hash}` : hash
}

export function rabbitRecord(message: ConsumeMessage, id: string): SourceRecord {
  const { content, fields, properties } = message
  const count = deliveryCount.safeParse(properties.headers)
  const sent: unknown = properties.timestamp
  return brokerRecord({
    id,
    orderKey: undefined,
    json: {
      basicProperties: basicProperties(message),
      redelivered: fields.redelivered,
      data: base64(content),
    },
    filterable: { data: filterableData(content) },
    createdAt: typeof sent === 'number' ? sent * 1_000 : Date.now(),
    // Quorum queues count; a classic queue only says that it is not the first time.
    attempt: count.success ? count.data['x-delivery-count'] + 1 : fields.redelivered ? 2 : 1,
  })
}

const deliveryCount = z.object({ 'x-delivery-count': z.number() })

export function rabbitEvent(
  { eventSourceArn, queue, vhost }: { eventSourceArn: string; queue: string; vhost: string },
  records: readonly SourceRecord[],
): unknown {
  return {
    eventSource: 'aws:rmq',
    eventSourceArn,
    rmqMessagesByQueue: { [`${queue}::${vhost}`]: records.map(({ json }) => json) },
  }
}

function basicProperties({ content, properties }: ConsumeMessage): Record<string, unknown> {
  const { headers = {}, timestamp, contentType, contentEncoding, deliveryMode, priority } = properties
  const { correlationId, replyTo, expiration, messageId, type, userId, appId, clusterId } = properties
  const members: Record<string, unknown> = {
    contentType,
    contentEncoding,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerValue(value)])),
    deliveryMode,
    priority,
    correlationId,
    replyTo,
    expiration,
    messageId,
    timestamp: typeof timestamp === 'number' ? javaDate(new Date(timestamp * 1_000)) : null,
    type,
    userId,
    appId,
    clusterId,
    bodySize: content.length,
  }
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, value ?? null]))
}

/** The Java client's long strings are byte arrays, and so Lambda shows them. */
function headerValue(value: unknown): unknown {
  if (typeof value === 'string') return { bytes: [...Buffer.from(value)] }
  if (value instanceof Uint8Array) return { bytes: [...value] }
  if (Array.isArray(value)) return value.map(headerValue)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, headerValue(member)]))
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Jan 1, 1970, 12:33:41 AM`, in UTC. */
function javaDate(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const hours = date.getUTCHours()
  const time = `${hours % 12 === 0 ? 12 : hours % 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  const day = `${months[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()}`
  return `${day}, ${time} ${hours < 12 ? 'AM' : 'PM'}`
}
