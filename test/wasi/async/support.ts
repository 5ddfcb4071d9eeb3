/** A guest of WASI 0.3: what it calls are the core functions of the component model's built-ins, with real memory. */
import type { FutureElement, StreamElement } from '../../../src/wasi/async/names.ts'
import type { AsyncBuiltin } from '../../../src/wasi/async/names.ts'
import type { CoreValue } from '../../../src/wasi/abi/type.ts'
import type { LoweredFunction } from '../../../src/wasi/host-calls.ts'
import { HttpGuest } from '../http-support.ts'
import { RESULT } from '../support.ts'

export const TYPES3 = 'wasi:http/types@0.3'
export const BLOCKED = 0xffff_ffff
export const [COMPLETED, DROPPED, CANCELLED] = [0, 1, 2]
/** Subtask states. */
export const [STARTED, RETURNED, CANCELLED_BEFORE_RETURNED] = [1, 2, 4]
export const events = { none: 0, subtask: 1, streamRead: 2, streamWrite: 3, futureRead: 4, futureWrite: 5 }

/** What a stream's copy returns: how many bytes, and how it ended. */
export function copied(bytes: number, result = COMPLETED): number {
  return (bytes << 4) | result
}

export interface Ends {
  readable: number
  writable: number
}

/** Where futures are written from, read to, and where streams have their bytes. */
export const VALUE = 512
export const [OUT, IN] = [2_048, 8_192]

export class AsyncGuest extends HttpGuest {
  #lowered = new Map<string, LoweredFunction>()

  #requestOpened = false

  /** As its host does it: once an invocation. */
  requestOnce(): number | undefined {
    if (this.#requestOpened) return undefined
    this.#requestOpened = true
    return this.host.openRequest()
  }

  builtin(builtin: AsyncBuiltin, ...flat: CoreValue[]): unknown {
    const key = JSON.stringify(builtin)
    const lowered = this.#lowered.get(key) ?? this.host.asyncBuiltin(builtin, this.options)
    this.#lowered.set(key, lowered)
    return lowered.fn(...flat)
  }

  streams(element?: StreamElement): Ends {
    return ends(this.builtin({ name: 'stream.new', ...(element && { element }) }))
  }

  futures(element: FutureElement): Ends {
    return ends(this.builtin({ name: 'future.new', element }))
  }

  /** Asynchronously; what it returns as it is. */
  readSome(stream: number, length = 1_000): unknown {
    return this.builtin({ name: 'stream.read', waits: false }, stream, IN, length)
  }

  readAndWait(stream: number, length = 1_000): unknown {
    return this.builtin({ name: 'stream.read', waits: true }, stream, IN, length)
  }

  /** The text goes to OUT first. */
  writeText(stream: number, text: string, waits = false): unknown {
    this.bytes(OUT, text.length).set(Buffer.from(text, 'latin1'))
    return this.builtin({ name: 'stream.write', waits }, stream, OUT, text.length)
  }

  /** What has been read. */
  input(length: number): string {
    return this.text(IN, length)
  }

  bytes(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, ptr, length)
  }

  cancel(what: 'stream.cancel-read' | 'stream.cancel-write', stream: number): unknown {
    return this.builtin({ name: what, waits: false }, stream)
  }

  dropReadable(stream: number): void {
    this.builtin({ name: 'stream.drop-readable' }, stream)
  }

  dropWritable(stream: number): void {
    this.builtin({ name: 'stream.drop-writable' }, stream)
  }

  writeFuture(element: FutureElement, future: number, waits = false): unknown {
    return this.builtin({ name: 'future.write', element, waits }, future, VALUE)
  }

  readFuture(element: FutureElement, future: number, waits = false): unknown {
    return this.builtin({ name: 'future.read', element, waits }, future, VALUE)
  }

  dropFuture(end: 'readable' | 'writable', element: FutureElement, future: number): void {
    this.builtin({ name: `future.drop-${end}`, element }, future)
  }

  /** Puts `ok` into VALUE: of a result with nothing in it, or with none. */
  okValue(): void {
    this.bytes(VALUE, 64).fill(0)
  }

  /** Puts `ok(some(fields))` into VALUE, for trailers. */
  fieldsValue(fields: number): void {
    this.okValue()
    this.view.setUint8(VALUE + 8, 1)
    this.view.setUint32(VALUE + 12, fields, true)
  }

  /** Puts `err` of the case's number into VALUE. */
  errValue(index: number): void {
    this.okValue()
    this.view.setUint8(VALUE, 1)
    this.view.setUint8(VALUE + 8, index)
  }

  set(...waitables: number[]): number {
    const set = Number(this.builtin({ name: 'waitable-set.new' }))
    for (const waitable of waitables) this.join(waitable, set)
    return set
  }

  join(waitable: number, set: number): void {
    this.builtin({ name: 'waitable.join' }, waitable, set)
  }

  /** Code, handle and payload. */
  pollSet(set: number): unknown {
    const code = this.builtin({ name: 'waitable-set.poll' }, set, RESULT)
    return [code, this.view.getUint32(RESULT, true), this.view.getUint32(RESULT + 4, true)]
  }

  async wait(set: number): Promise<unknown> {
    const code = await this.builtin({ name: 'waitable-set.wait' }, set, RESULT)
    return [code, this.view.getUint32(RESULT, true), this.view.getUint32(RESULT + 4, true)]
  }

  async(iface: string, func: string, ...flat: CoreValue[]): number {
    return Number(this.host.lowerAsync(iface, func, this.options)(...flat))
  }

  /** Of WASI 0.3's HTTP types, with values. */
  types(func: string, ...values: unknown[]): unknown {
    return this.invoke(TYPES3, func, ...values)
  }

  fields3(...entries: [name: string, value: string][]): number {
    return this.handle(
      TYPES3,
      '[static]fields.from-list',
      entries.map(([name, value]) => [name, Buffer.from(value, 'latin1')]),
    )
  }

  /** A message of the guest's own making, and its part in it. */
  message(
    kind: 'request' | 'response',
    { fields = this.fields3(), body = true, options = 0 }: { fields?: number; body?: boolean; options?: number } = {},
  ): { message: number; body: number; trailers: number; sent: number } {
    const contents = body ? this.streams() : { readable: 0, writable: 0 }
    const trailers = this.futures('http-trailers')
    const flat = [fields, body ? 1 : 0, contents.readable, trailers.readable]
    const rest = kind === 'request' ? [options === 0 ? 0 : 1, options] : []
    this.call(TYPES3, `[static]${kind}.new`, ...flat, ...rest, RESULT)
    const [message, sent] = [this.view.getUint32(RESULT, true), this.view.getUint32(RESULT + 4, true)]
    return { message, body: contents.writable, trailers: trailers.writable, sent }
  }

  consume(kind: 'request' | 'response', message: number): { body: number; trailers: number; verdict: number } {
    const verdict = this.futures('http-result')
    this.call(TYPES3, `[static]${kind}.consume-body`, message, verdict.readable, RESULT)
    const [body, trailers] = [this.view.getUint32(RESULT, true), this.view.getUint32(RESULT + 4, true)]
    return { body, trailers, verdict: verdict.writable }
  }

  /** What `handle` returns with `task.return`. */
  answer(response: number): void {
    this.host.respond(this.options, [0, response, 0, 0n, 0, 0, 0, 0])
  }

  /** Sends asynchronously: the answer goes to VALUE. */
  sendAsync(request: number): { state: number; subtask: number } {
    return subtaskOf(this.async('wasi:http/client@0.3', 'send', request, VALUE))
  }
}

export function subtaskOf(returned: number): { state: number; subtask: number } {
  return { state: returned & 0xf, subtask: returned >>> 4 }
}

function ends(packed: unknown): Ends {
  if (typeof packed !== 'bigint') throw new Error(`no pair of handles: ${String(packed)}`)
  return { readable: Number(packed & 0xffff_ffffn), writable: Number(packed >> 32n) }
}
