/**
 * A mapping's open source as batches see it. Nothing final is told to the source once the mapping has lost its lease; and
 * what the source fails to take is logged: a record that was not acknowledged comes again.
 */
import type { Logger } from 'pino'
import type { EventSource, SourceRecord } from '../sources/source.ts'

export interface SourcePort {
  acknowledge(records: readonly SourceRecord[]): Promise<void>
  /** As `EventSource.release`. */
  release(records: readonly SourceRecord[], delayMs: number | undefined): Promise<void>
  extend(records: readonly SourceRecord[]): Promise<void>
  event(records: readonly SourceRecord[]): unknown
}

export function createSourcePort(source: EventSource, mayTell: () => boolean, logger: Logger): SourcePort {
  const tell = async (what: string, records: readonly SourceRecord[], act: () => Promise<void>): Promise<void> => {
    if (records.length === 0 || !mayTell()) return
    try {
      await act()
    } catch (error) {
      logger.warn({ err: error, records: records.length }, `the event source did not take: ${what}`)
    }
  }
  return {
    acknowledge: (records) => tell('acknowledge', records, () => source.acknowledge(records)),
    release: (records, delayMs) => tell('release', records, () => source.release(records, delayMs)),
    extend: (records) => tell('extend', records, () => source.extend(records)),
    event: (records) => source.event(records),
  }
}
