/** What records of all brokers have in common. */
import type { Logger } from 'pino'
import { ThawError } from '../../errors.ts'
import type { BrokerAddresses } from './broker-arn.ts'
import type { SourceRecord } from './source.ts'

export interface BrokerDriverOptions {
  brokers: BrokerAddresses
  logger: Logger
}

/** Brokers carry no lineage of Thaw's: a record from one begins a new chain. */
export function brokerRecord(record: Omit<SourceRecord, 'hops' | 'sizeBytes'>): SourceRecord {
  return { ...record, hops: 0, sizeBytes: Buffer.byteLength(JSON.stringify(record.json)) }
}

/** What filter patterns see of a payload: JSON parsed, anything else as text. */
export function filterableData(data: Uint8Array | string): unknown {
  const text = typeof data === 'string' ? data : Buffer.from(data).toString('utf8')
  try {
    const parsed: unknown = JSON.parse(text)
    return parsed
  } catch {
    return text
  }
}

export const base64 = (data: Uint8Array): string => Buffer.from(data).toString('base64')

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The reason may name hosts and ports: it is for the log, not for the client. */
export function unreachable(name: string, cause: unknown): ThawError {
  return new ThawError('InvalidParameterValue', `The broker "${name}" cannot be reached or refuses Thaw.`, { cause })
}

export function invalidArn(form: string): ThawError {
  return new ThawError('InvalidParameterValue', `The event source ARN is to be of the form ${form}`)
}

export function gone(what: string): ThawError {
  return new ThawError('ResourceNotFound', `${what} does not exist.`)
}

/** Of `acknowledge` when the source is closed before the broker could be told. */
export function closedEarly(): ThawError {
  return new ThawError('Unavailable', 'The event source was closed before the broker confirmed.')
}
