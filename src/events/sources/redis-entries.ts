/** Redis's raw answers (RESP2, blobs as buffers) about streams, parsed, and entries as records. */
import { z } from 'zod'
import { base64, brokerRecord, filterableData } from './record.ts'
import type { SourceRecord } from './source.ts'

export interface StreamEntry {
  id: string
  /** Names and values in turn; undefined if the entry was deleted from the stream while it was pending. */
  fields: readonly Buffer[] | undefined
}

const blob = z.instanceof(Buffer)
const name = blob.transform((buffer) => buffer.toString('utf8'))
const entry = z
  .tuple([name, z.array(blob).nullable()])
  .transform(([id, fields]): StreamEntry => ({ id, fields: fields ?? undefined }))
const readAnswer = z.array(z.tuple([blob, z.array(entry)])).nullable()
const pendingAnswer = z.array(z.tuple([name, name, z.number(), z.number()]))
const claimAnswer = z.tuple([name, z.array(z.unknown())]).rest(z.unknown())

/** Of XREADGROUP of one stream. */
export const parseEntries = (answer: unknown): StreamEntry[] => readAnswer.parse(answer)?.[0]?.[1] ?? []

/** Of XPENDING with a range: how often each was delivered. */
export const parseDeliveries = (answer: unknown): Map<string, number> =>
  new Map(pendingAnswer.parse(answer).map(([id, , , deliveries]) => [id, deliveries]))

/** Of XAUTOCLAIM: where to go on; `0-0` at the end. */
export const parseClaimCursor = (answer: unknown): string => claimAnswer.parse(answer)[0]

export function redisRecord(
  { id, fields }: { id: string; fields: readonly Buffer[] },
  { key, eventSourceArn, attempt }: { key: string; eventSourceArn: string; attempt: number },
): SourceRecord {
  const text: Record<string, string> = {}
  const binary: Record<string, string> = {}
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [field, value] = [fields[index], fields[index + 1]]
    if (field === undefined || value === undefined) continue
    const decoded = utf8(value)
    if (decoded === undefined) binary[field.toString('utf8')] = base64(value)
    else text[field.toString('utf8')] = decoded
  }
  const createdAt = Number(id.split('-')[0])
  return brokerRecord({
    id,
    orderKey: key,
    json: {
      eventID: `${key}:${id}`,
      eventName: 'thaw:redis:record',
      eventSource: 'thaw:redis',
      eventSourceARN: eventSourceArn,
      redis: {
        stream: key,
        sequenceNumber: id,
        approximateArrivalTimestamp: createdAt / 1_000,
        fields: text,
        ...(Object.keys(binary).length === 0 ? {} : { binaryFields: binary }),
      },
    },
    filterable: {
      data: Object.fromEntries(Object.entries(text).map(([field, value]) => [field, filterableData(value)])),
    },
    createdAt,
    attempt,
  })
}

function utf8(value: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
  } catch {
    return undefined
  }
}
