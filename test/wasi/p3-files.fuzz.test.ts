/** Guests of WASI 0.3 that end with everything dropped, whatever they did with files before: then nothing of them is open. */
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { BLOCKED } from './async/support.ts'
import { HANDLES, P3Guest } from './p3-guest.ts'

const FILES = 'wasi:filesystem/types@0.3'
const names = ['a', 'b']

interface End {
  readonly handle: number
  readonly kind: 'readable' | 'writable' | 'entries' | 'file-result' | 'cli-result'
  isCopying: boolean
}

/** What it has open is what it knows of. */
class Tidy {
  readonly guest = new P3Guest()
  #ends: End[] = []

  #add(kind: End['kind'], handle: number): void {
    this.#ends.push({ handle, kind, isCopying: false })
  }

  #pick(kind: End['kind'], dice: number): End | undefined {
    const idle = this.#ends.filter((end) => end.kind === kind && !end.isCopying)
    return idle[dice % Math.max(1, idle.length)]
  }

  #on(method: string, ...values: unknown[]): unknown {
    const answer = this.guest.invoke(FILES, `[method]descriptor.${method}`, ...values)
    return typeof answer === 'object' && answer !== null && 'val' in answer ? answer.val : answer
  }

  /** The file is open for as long as this takes: streams keep it open by themselves. */
  #withFile(dice: number, use: (file: number) => void): void {
    const name = names[dice % names.length]
    const file = this.#on('open-at', 1, new Set(), name, new Set(['create']), new Set(['read', 'write']))
    if (typeof file !== 'number') return
    use(file)
    this.guest.host.drop(FILES, 'descriptor')(file)
  }

  readonly moves: readonly ((dice: number) => void)[] = [
    () => {
      const { readable, writable } = this.guest.streams()
      this.#add('readable', readable)
      this.#add('writable', writable)
    },
    (dice) => this.#withFile(dice, (file) => this.#received('readable', this.#on('read-via-stream', file, 0n))),
    () => this.#received('entries', this.#on('read-directory', 1)),
    (dice) =>
      this.#withFile(dice, (file) => {
        const stream = this.#take(dice)
        if (stream !== undefined) this.#add('file-result', Number(this.#on('append-via-stream', file, stream)))
      }),
    (dice) => {
      const stream = this.#take(dice)
      if (stream === undefined) return
      this.#add('cli-result', Number(this.guest.invoke('wasi:cli/stdout@0.3', 'write-via-stream', stream)))
    },
    (dice) => {
      const end = this.#pick('writable', dice)
      if (end !== undefined) this.#copied(end, this.guest.writeText(end.handle, 'x'.repeat(dice % 900)))
    },
    (dice) => {
      const end = this.#pick(dice % 3 === 0 ? 'entries' : 'readable', dice)
      if (end !== undefined) this.#copied(end, this.guest.readSome(end.handle, dice % 900))
    },
    (dice) => this.#withFile(dice, () => this.#on('unlink-file-at', 1, names[dice % names.length])),
    (dice) => {
      const end = this.#ends[dice % Math.max(1, this.#ends.length)]
      if (end !== undefined) this.#drop(end)
    },
  ]

  #received(stream: 'readable' | 'entries', pair: unknown): void {
    if (!Array.isArray(pair)) return
    this.#add(stream, Number(pair[0]))
    this.#add('file-result', Number(pair[1]))
  }

  /** A stream of bytes, to be given away. */
  #take(dice: number): number | undefined {
    const end = this.#pick('readable', dice)
    this.#ends = this.#ends.filter((other) => other !== end)
    return end?.handle
  }

  #copied(end: End, result: unknown): void {
    if (result === BLOCKED) end.isCopying = true
    // The other side has gone: no further copy may begin.
    else if ((Number(result) & 0xf) === 1) this.#drop(end)
  }

  #drop(end: End): void {
    const { guest } = this
    this.#ends = this.#ends.filter((other) => other !== end)
    const { handle, kind } = end
    if (kind === 'readable' || kind === 'entries') {
      if (end.isCopying) guest.cancel('stream.cancel-read', handle)
      guest.dropReadable(handle)
    } else if (kind === 'writable') {
      if (end.isCopying) guest.cancel('stream.cancel-write', handle)
      guest.dropWritable(handle)
    } else guest.dropFuture('readable', kind, handle)
  }

  /** Everything is dropped and unlinked. */
  async leave(): Promise<void> {
    for (const end of this.#ends) this.#drop(end)
    for (const name of names) this.#on('unlink-file-at', 1, name)
    await vi.runAllTimersAsync()
  }
}

beforeAll(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] }))
afterAll(() => void vi.useRealTimers())

const moves = fc.array(fc.tuple(fc.nat(8), fc.nat(5_000)), { minLength: 1, maxLength: 16, size: 'max' })

test('no file, handle or byte is held any more', async () => {
  let streamed = 0
  const property = fc.asyncProperty(moves, async (sequence) => {
    const tidy = new Tidy()
    const { host } = tidy.guest
    const [handles, held] = [host.openHandles, host.heldBytes]
    for (const [which, dice] of sequence) {
      // What a step opens at most: short of it, the guest would be ended by the limit.
      if (host.openHandles > HANDLES - 4) break
      tidy.moves[which]?.(dice)
      if (dice % 4 === 0) await vi.advanceTimersByTimeAsync(0)
    }
    streamed += host.temporaryBytes
    await tidy.leave()
    expect([host.failure, host.temporaryBytes, host.openHandles, host.heldBytes]).toEqual([undefined, 0, handles, held])
    host.end()
  })
  await fc.assert(property, { numRuns: 400 })
  expect(streamed).toBeGreaterThan(10_000)
})
