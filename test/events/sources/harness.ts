/** What the contract needs of a broker: a fresh source on it, and a way to publish. */
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { createBrokerAddresses } from '../../../src/events/sources/broker-arn.ts'
import type { BrokerDriverOptions } from '../../../src/events/sources/record.ts'
import type { EventSource, SourceDriver, SourceRecord, SourceSettings } from '../../../src/events/sources/source.ts'

export const accountId = '111111111111'
export const region = 'us-east-1'
const logger = pino({ level: process.env.TEST_LOG ?? 'silent' })

/** A stream, queue or topic that a test has to itself. */
export interface Fixture extends AsyncDisposable {
  /** What follows the account in the ARN. */
  resource: string
  queues?: string[]
  /** Resolves when the broker has it. */
  publish(key: string, body: string | Buffer): Promise<void>
}

export interface BrokerHarness {
  name: string
  /** Of ARNs. */
  service: string
  scheme: string
  /** Before the `@` of its URL. */
  credentials?: string
  port: number
  create(options: BrokerDriverOptions): SourceDriver
  /** Made on the broker at that port; `broker` is its name in ARNs. */
  prepare(port: number, broker: string): Promise<Fixture>
  /** An ARN's resource that names nothing there is, if the broker can tell. */
  missing?: { resource: string; queues?: string[] }
  /** What was published, from a record's JSON. */
  bodyOf(json: unknown): Buffer
  /** Records with different keys may overtake each other. */
  keyed: boolean
}

export function urlOf({ scheme, credentials }: BrokerHarness, port: number): string {
  return `${scheme}://${credentials === undefined ? '' : `${credentials}@`}127.0.0.1:${port}`
}

/** The driver, with a broker `main` at that port. */
export function driverAt(harness: BrokerHarness, port: number): SourceDriver {
  const brokers = createBrokerAddresses({ main: urlOf(harness, port) }, region)
  return harness.create({ brokers, logger })
}

export function settingsFor(
  { service }: BrokerHarness,
  { resource, queues = [] }: Pick<Fixture, 'resource' | 'queues'>,
  changes: Partial<SourceSettings> = {},
): SourceSettings {
  return {
    uuid: randomUUID(),
    accountId,
    functionArn: `arn:aws:lambda:${region}:${accountId}:function:f`,
    eventSourceArn: `arn:aws:${service}:${region}:${accountId}:${resource}`,
    queues,
    functionTimeoutMs: 3_000,
    startingPosition: 'TRIM_HORIZON',
    startingPositionTimestamp: undefined,
    ...changes,
  }
}

/** Receives until there are that many; fails if they do not come within 20 s. */
export async function receiveAll(source: EventSource, count: number, max = count): Promise<SourceRecord[]> {
  const records: SourceRecord[] = []
  const signal = AbortSignal.timeout(20_000)
  while (records.length < count) {
    if (signal.aborted) throw new Error(`${records.length} of ${count} records came`)
    records.push(...(await source.receive({ max, waitMs: 1_000, signal })))
  }
  return records
}

/** Whatever comes within a short time. */
export const receiveNow = (source: EventSource, waitMs = 300): Promise<SourceRecord[]> =>
  source.receive({ max: 100, waitMs, signal: new AbortController().signal })

export const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index))
