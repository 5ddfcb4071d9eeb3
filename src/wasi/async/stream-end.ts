/** One end of a stream in the guest's hands, and what every stream does for it (CanonicalABI.md, "Stream State"). */
import type { BodyError } from '../../http/body.ts'
import type { AbiContext } from '../abi/context.ts'
import { GuestTrap } from '../errors.ts'
import { streamElementTypes } from './elements.ts'
import { copyResults, CopyEnd } from './ends.ts'
import type { StreamElement } from './names.ts'
import { eventCodes, type WaitEvent } from './waitables.ts'

/** CanonicalABI.md, `Buffer.MAX_LENGTH`. */
const MAX_LENGTH = 2 ** 28 - 1

/** Guest memory that one copy reads from or writes to: so many elements of it. */
export interface GuestBuffer {
  readonly cx: AbiContext
  readonly ptr: number
  readonly length: number
  progress: number
}

export class StreamEnd extends CopyEnd {
  readonly type: 'readable-stream' | 'writable-stream'
  readonly stream: Stream
  buffer: GuestBuffer | undefined
  #unsubscribe: (() => void) | undefined

  constructor(type: 'readable-stream' | 'writable-stream', stream: Stream) {
    super()
    this.type = type
    this.stream = stream
  }

  waitFor(unsubscribe: () => void): void {
    this.#unsubscribe = unsubscribe
  }

  /** The copy is over: `(elements << 4) | result`. */
  finish(result: number): number {
    const progress = this.buffer?.progress ?? 0
    this.buffer = undefined
    this.#unsubscribe = undefined
    this.state = result === copyResults.dropped ? 'done' : 'idle'
    return ((progress << 4) | result) >>> 0
  }

  event(payload: number): WaitEvent {
    const code = this.type === 'readable-stream' ? eventCodes.streamRead : eventCodes.streamWrite
    return { code, handle: this.handle, payload }
  }

  /** Goes on with a copy that waited. What it comes to is told as an event; undefined: it waits again. */
  settle(attempt: () => number | undefined): void {
    const { state } = this
    const payload = attempt()
    if (payload === undefined) return
    // Until the event is told, the copy counts as under way.
    const after = this.state
    this.state = state
    this.setEvent(() => {
      this.state = after
      return this.event(payload)
    })
  }

  abandonCopy(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }
}

export abstract class Stream {
  abstract readonly element: StreamElement
  /** The guest's ends, as long as they are the guest's. */
  writer: StreamEnd | undefined
  reader: StreamEnd | undefined
  /** The other side has gone: copying makes no sense any more. */
  protected readerDropped = false
  protected writerDropped = false

  /** Bytes that the host holds. */
  abstract readonly heldBytes: number
  protected abstract read(end: StreamEnd, buffer: GuestBuffer): number | undefined
  protected abstract write(end: StreamEnd, buffer: GuestBuffer): number | undefined
  /** The reader wants no more, be it the guest or the host. */
  abstract dropReader(): void
  protected abstract dropWriter(): void
  /** The invocation is over. */
  abstract abandon(error: BodyError): void

  /** Payload of a finished copy, or undefined if it has to wait: then the end gets an event. */
  copy(end: StreamEnd, cx: AbiContext, ptr: number, length: number): number | undefined {
    if (length > MAX_LENGTH)
      throw new GuestTrap(`a copy of ${length} elements of a stream, at most ${MAX_LENGTH} are possible`)
    const { size, align } = streamElementTypes[this.element]
    if (length > 0) cx.check(ptr, length * size, align)
    end.startCopy()
    const buffer = { cx, ptr, length, progress: 0 }
    end.buffer = buffer
    return end.type === 'readable-stream' ? this.read(end, buffer) : this.write(end, buffer)
  }

  /** What has been copied by now, and no more. */
  cancel(end: StreamEnd): number {
    if (end.state !== 'copying') throw new GuestTrap(`a copy of a ${end.type} is cancelled where none is under way`)
    if (end.hasEvent) return end.takeEvent().payload
    end.abandonCopy()
    return end.finish(copyResults.cancelled)
  }

  dropEnd(end: StreamEnd): void {
    end.assertDroppable()
    if (end.type === 'readable-stream') this.dropReader()
    else this.dropWriter()
  }

  /** Whoever copies next is told then. */
  protected finishPending(other: StreamEnd | undefined): void {
    if (other?.buffer === undefined) return
    other.abandonCopy()
    other.settle(() => other.finish(copyResults.dropped))
  }
}
