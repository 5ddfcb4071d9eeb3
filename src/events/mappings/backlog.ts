/**
 * Records that were received and wait to become batches. Records of one lane are never in two batches at once, and leave
 * in the order in which they came; those without a lane go as they please.
 */
import type { SourceRecord } from '../sources/source.ts'

export interface BacklogOptions {
  /** Records of a batch, at most. */
  batchSize: number
  /** Of a batch's JSON. A larger record goes alone. */
  batchBytes: number
  /** How long a batch that is not full waits for more, from its oldest record on. */
  windowMs: number
  laneOf(record: SourceRecord): string | undefined
  /** Whether a batch may hold records of several lanes. */
  mixesLanes: boolean
}

interface Waiting {
  record: SourceRecord
  lane: string | undefined
  since: number
}

export interface Batch {
  records: SourceRecord[]
  lanes: ReadonlySet<string>
}

export class Backlog {
  readonly #options: BacklogOptions
  #waiting: Waiting[] = []
  readonly #busy = new Set<string>()
  #bytes = 0

  constructor(options: BacklogOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#waiting.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** How many do not have to wait for a batch of their lane to end. */
  get free(): number {
    return this.#busy.size === 0 ? this.size : this.#waiting.filter((one) => !this.#isBusy(one)).length
  }

  records(): SourceRecord[] {
    return this.#waiting.map(({ record }) => record)
  }

  add(records: readonly SourceRecord[], now: number): void {
    for (const record of records) {
      this.#waiting.push({ record, lane: this.#options.laneOf(record), since: now })
      this.#bytes += record.sizeBytes
    }
  }

  /** A batch that is full or has waited long enough. Its lanes are busy until it is `done`. */
  take(now: number): Batch | undefined {
    const chosen = this.#candidates().find((one) => one.full || one.due <= now)
    if (chosen === undefined) return undefined
    this.#remove(new Set(chosen.waiting))
    const lanes = new Set(chosen.waiting.flatMap(({ lane }) => lane ?? []))
    for (const lane of lanes) this.#busy.add(lane)
    return { records: chosen.waiting.map(({ record }) => record), lanes }
  }

  /** When `take` has something if nothing more comes; undefined: not by waiting. */
  dueAt(): number | undefined {
    const times = this.#candidates().map(({ due }) => due)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  done({ lanes }: Batch): void {
    for (const lane of lanes) this.#busy.delete(lane)
  }

  /** Takes out what came after records of these lanes: it must not overtake them. */
  removeLanes(lanes: ReadonlySet<string>): SourceRecord[] {
    return this.#remove(new Set(this.#waiting.filter(({ lane }) => lane !== undefined && lanes.has(lane))))
  }

  removeAll(): SourceRecord[] {
    return this.#remove(new Set(this.#waiting))
  }

  #isBusy({ lane }: Waiting): boolean {
    return lane !== undefined && this.#busy.has(lane)
  }

  /** What could be the next batches, oldest first. */
  #candidates(): { waiting: Waiting[]; full: boolean; due: number }[] {
    const { mixesLanes, windowMs } = this.#options
    const free = this.#waiting.filter((one) => !this.#isBusy(one))
    const groups = mixesLanes ? [free] : Map.groupBy(free, ({ lane }) => lane).values()
    return [...groups].flatMap((group) => {
      const [oldest] = group
      if (oldest === undefined) return []
      return [{ ...this.#fit(group), due: oldest.since + windowMs }]
    })
  }

  #fit(group: readonly Waiting[]): { waiting: Waiting[]; full: boolean } {
    const { batchSize, batchBytes } = this.#options
    let bytes = 0
    let count = 0
    for (const { record } of group) {
      if (count === batchSize || (count > 0 && bytes + record.sizeBytes > batchBytes))
        return { waiting: group.slice(0, count), full: true }
      // The comma between records.
      bytes += record.sizeBytes + 1
      count++
    }
    return { waiting: group.slice(0, count), full: count === batchSize }
  }

  #remove(gone: ReadonlySet<Waiting>): SourceRecord[] {
    const removed: SourceRecord[] = []
    this.#waiting = this.#waiting.filter((one) => {
      if (!gone.has(one)) return true
      removed.push(one.record)
      this.#bytes -= one.record.sizeBytes
      return false
    })
    return removed
  }
}
