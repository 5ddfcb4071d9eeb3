/** A guest that is granted everything there is of WASI 0.3 besides HTTP, and how one sees that nothing of it is left. */
import { getEventListeners } from 'node:events'
import { vi } from 'vitest'
import type { BodySink, PayloadStream } from '../../src/http/body.ts'
import { BodyError } from '../../src/http/body.ts'
import { TrackedPayload } from '../../src/instance/payload-stream.ts'
import type { SnapshotHandle } from '../../src/snapshot/format.ts'
import type { CoreValue } from '../../src/wasi/abi/type.ts'
import { AbiContext } from '../../src/wasi/abi/context.ts'
import { findFunction } from '../../src/wasi/offered.ts'
import type { HostFunction } from '../../src/wasi/state.ts'
import { AsyncGuest, STARTED } from './async/support.ts'
import { TestEgress, TestSink } from './bodies.ts'
import { packageContents, packageOf } from './filesystem.support.ts'
import { guestShared, RESULT } from './support.ts'

export const captured: SnapshotHandle[] = [
  { handle: 1, kind: 'descriptor:/tmp' },
  { handle: 2, kind: 'descriptor:/var/task' },
]

export const HANDLES = 24
export const TEMPORARY_BYTES = 60_000
const files = { temporaryBytes: TEMPORARY_BYTES, package: packageOf(packageContents) }

/** Takes a few bytes at a time, and none beyond a limit that it tells only when it is written to. */
export class TestPayload implements PayloadStream {
  sink: TestSink | undefined

  start(contentType: string): BodySink {
    if (contentType.includes('\n')) throw new BodyError('protocol', 'no content type')
    this.sink = new TestSink(6, 4_000)
    return this.sink
  }
}

export class P3Guest extends AsyncGuest {
  payload = new TestPayload()
  outgoing = new TestEgress()
  abort = new AbortController()

  constructor() {
    super({ limits: { handles: HANDLES, hostCallBytes: 2_000, httpFieldBytes: 400, httpHeldBytes: 1_000 } })
    this.host.end()
    this.host.reset(captured)
    this.enter()
  }

  /** The next invocation. */
  enter(): void {
    this.payload = new TestPayload()
    this.outgoing = new TestEgress(() => new TestSink(6, 2_500))
    this.abort = new AbortController()
    const payloadStream = new TrackedPayload(this.payload, 4_000)
    this.begin({
      egress: this.outgoing,
      files,
      payloadStream,
      signal: this.abort.signal,
      environment: { A: 'b' },
    })
  }

  /** As it is: what has failed goes no further. */
  override call(iface: string, func: string, ...args: CoreValue[]): unknown {
    return this.host.lower(iface, func, this.options).fn(...args)
  }

  /** Of ends, which only a host can lift, it answers with the handles: one, or a list. */
  override invoke(iface: string, func: string, ...values: unknown[]): unknown {
    if (!/-via-stream$|read-directory$|^wait$/.test(func)) return super.invoke(iface, func, ...values)
    const type = required(iface, func)
    const flat: CoreValue[] = []
    type.params.lower(this.#cx(), values, flat)
    if (type.result?.flat.length === 1) return Number(this.call(iface, func, ...flat))
    this.call(iface, func, ...flat, RESULT)
    return [this.view.getUint32(RESULT, true), this.view.getUint32(RESULT + 4, true)]
  }

  #cx(): AbiContext {
    return new AbiContext({ ...this.options, realloc: () => this.realloc }, guestShared)
  }

  /** With component-level values, lowered asynchronously. Whether it is under way. */
  start(iface: string, func: string, ...values: unknown[]): boolean {
    const type = required(iface, func)
    const cx = this.#cx()
    const flat: CoreValue[] = []
    if (type.params.flat.length > 4) {
      const ptr = this.realloc(0, 0, type.params.align, type.params.size)
      type.params.store(cx, ptr, values)
      flat.push(ptr)
    } else type.params.lower(cx, values, flat)
    const { result } = type
    if (result !== undefined) flat.push(this.realloc(0, 0, result.align, result.size))
    return (Number(this.host.lowerAsync(iface, func, this.options)(...flat)) & 0xf) === STARTED
  }

  /** What is left of an invocation that has ended: nothing may be. Timers have to be faked. */
  left(): unknown {
    const { host, payload, outgoing, abort } = this
    const bodies = outgoing.exchanges.flatMap(({ body, source }) => [body, source])
    const listening = [...bodies, ...(payload.sink === undefined ? [] : [payload.sink])]
    return {
      open: host.openHandles,
      held: host.heldBytes,
      waits: host.pendingWaits,
      temporary: host.temporaryBytes,
      outgoing: host.outgoing,
      listeners: listening.filter(({ listeners }) => listeners > 0).length,
      uncancelled: outgoing.exchanges.filter(({ cancelled }) => !cancelled).length,
      abortListeners: getEventListeners(abort.signal, 'abort').length,
      timers: vi.getTimerCount(),
    }
  }
}

function required(iface: string, func: string): HostFunction {
  const type = findFunction(iface, func)
  if (type === undefined) throw new Error(`${iface} ${func} is not offered`)
  return type
}

export const nothingLeft = {
  open: 0,
  held: 0,
  waits: 0,
  temporary: 0,
  outgoing: false,
  listeners: 0,
  uncancelled: 0,
  abortListeners: 0,
  timers: 0,
}
