/** Plays what hostile guests do, and looks at what is left each time that an invocation ends. */
import { isDeepStrictEqual } from 'node:util'
import { vi } from 'vitest'
import { isAllowed } from './fuzz-support.ts'
import { captured, HANDLES, nothingLeft, P3Guest, TEMPORARY_BYTES } from './p3-guest.ts'

export const FILES = 'wasi:filesystem/types@0.3'

/** Something that happens: to the guest, or around it. `name`: of the function that it calls with fitting values. */
export interface Step {
  readonly name?: string | undefined
  run(guest: P3Guest): unknown
}

/** Here the invocation ends. */
export const reset: Step = { name: 'reset', run: () => {} }

function valueIn(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null && 'val' in answer ? answer.val : answer
}

export function pairIn(answer: unknown): [number, number] {
  return Array.isArray(answer) ? [Number(answer[0]), Number(answer[1])] : [0, 0]
}

/** A file in /tmp, made if need be; whatever came of it, as a handle. */
export function open(guest: P3Guest, path: string): number {
  const answer = guest.invoke(
    FILES,
    '[method]descriptor.open-at',
    1,
    new Set(),
    path,
    new Set(['create']),
    new Set(['read', 'write']),
  )
  return Number(valueIn(answer)) || 0
}

/** A folder and a file to begin with. */
function furnish(guest: P3Guest): void {
  guest.invoke(FILES, '[method]descriptor.create-directory-at', 1, 'a')
  const { readable, writable } = guest.streams()
  const file = open(guest, 'a/b')
  const result = guest.number(FILES, '[method]descriptor.append-via-stream', file, readable)
  guest.writeText(writable, 'contents')
  guest.dropWritable(writable)
  guest.dropFuture('readable', 'file-result', result)
}

/** One turn of the event loop, without time passing. */
export async function turn(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0)
}

export interface Seen {
  readonly succeeded: Set<string>
  readonly failed: Set<string>
}

export const nobody: Seen = { succeeded: new Set(), failed: new Set() }

/** What waits when its invocation ends is rejected in the next; more than enough. */
const MOST_TURNS = 8

/** Plays a sequence, over as many invocations as it comes to, and ends. */
export class Player {
  readonly #seen: Seen
  readonly #unexpected: unknown[] = []
  readonly #pristine: string
  #guest = new P3Guest()
  readonly #waits: Promise<unknown>[] = []

  constructor(seen: Seen) {
    this.#seen = seen
    this.#guest.host.end()
    this.#guest.host.reset(captured)
    this.#pristine = this.#guest.host.stateHash()
    this.#enter()
  }

  /** Everything that came out and must not have. */
  async play(sequence: readonly Step[]): Promise<unknown[]> {
    for (const step of sequence) {
      const failed = await this.#take(step)
      const { host } = this.#guest
      if (host.openHandles > HANDLES) this.#unexpected.push(`${host.openHandles} handles are open`)
      if (host.temporaryBytes > TEMPORARY_BYTES) this.#unexpected.push(`${host.temporaryBytes} bytes are in /tmp`)
      if (failed || step === reset || host.failure !== undefined) {
        await this.#end()
        this.#enter()
      }
    }
    await this.#end()
    return this.#unexpected
  }

  async #take(step: Step): Promise<boolean> {
    try {
      const answer: unknown = step.run(this.#guest)
      // A guest has one stack; several that wait stand for several instances' worth of listeners.
      if (answer instanceof Promise) this.#wait(answer)
      await turn()
      const isError = typeof answer === 'object' && answer !== null && 'tag' in answer && answer.tag === 'err'
      if (step.name !== undefined) (isError ? this.#seen.failed : this.#seen.succeeded).add(step.name)
      return this.#waits.length > 4
    } catch (error) {
      if (step.name !== undefined) this.#seen.failed.add(step.name)
      if (!isAllowed(error)) this.#unexpected.push(error)
      return true
    }
  }

  #wait(answer: Promise<unknown>): void {
    this.#waits.push(answer)
    answer.catch(() => undefined)
  }

  /** The invocation ends where it is: whatever waits is rejected, and nothing is left. */
  async #end(): Promise<void> {
    const { host } = this.#guest
    host.end()
    const pending = new Set(this.#waits.splice(0))
    for (const wait of pending)
      wait
        .catch((reason: unknown) => void (isAllowed(reason) || this.#unexpected.push(reason)))
        .finally(() => pending.delete(wait))
    for (let turns = 0; turns < MOST_TURNS && pending.size > 0; turns++) await turn()
    if (pending.size > 0) this.#unexpected.push(`${pending.size} calls still wait`)
    await turn()
    const left = this.#guest.left()
    if (!isDeepStrictEqual(left, nothingLeft)) this.#unexpected.push({ left })
    host.reset(captured)
    if (host.stateHash() !== this.#pristine) this.#unexpected.push({ state: host.stateHash() })
  }

  #enter(): void {
    if (this.#guest.host.abandoned) this.#guest = new P3Guest()
    else this.#guest.enter()
    furnish(this.#guest)
  }
}
