/** `future<T>`: one value, from one end to the other, each the guest's or the host's. */
import { futureElementTypes, type FutureValues } from './elements.ts'
import type { FutureElement } from './names.ts'
import type { AbiContext } from '../abi/context.ts'
import type { AbiType } from '../abi/type.ts'
import { GuestTrap } from '../errors.ts'
import { copyResults, CopyEnd } from './ends.ts'
import { eventCodes, type WaitEvent } from './waitables.ts'

interface Place {
  readonly cx: AbiContext
  readonly ptr: number
}

/** Makes the value where and when somebody takes it, once. May throw GuestLimit. */
export type Take<E extends FutureElement> = () => FutureValues[E]

export class Future<E extends FutureElement = FutureElement> {
  readonly element: E
  readonly #type: AbiType<FutureValues[E]>
  writer: FutureEnd | undefined
  reader: FutureEnd | undefined
  #value: Take<E> | undefined
  /** What the guest wrote and nobody has taken yet: with resources in it that are nobody's meanwhile. */
  #written: FutureValues[E] | undefined
  #onValue: ((take: Take<E>) => void) | undefined
  #readerDropped = false

  constructor(element: E) {
    this.element = element
    this.#type = futureElementTypes[element]
  }

  /** The host writes. What comes after the first value counts for nothing. */
  resolve(value: FutureValues[E]): void {
    this.resolveWith(() => value)
  }

  /** The same of a value that takes the guest's resources: made only if somebody takes it. */
  resolveWith(take: Take<E>): void {
    if (this.#value !== undefined) return
    this.#value = take
    this.#onValue?.(take)
    const { reader } = this
    if (reader?.state === 'copying' && !reader.hasEvent)
      reader.setEvent(() => reader.event(this.#deliver(reader, take)))
  }

  /** Whether there is a value, for who comes: nothing more of its writer is needed. */
  get isResolved(): boolean {
    return this.#value !== undefined
  }

  /** The host reads: told at once if the value is there, else when it is written, if it ever is. */
  onValue(callback: (take: Take<E>) => void): void {
    this.#onValue = callback
    if (this.#value !== undefined) callback(this.#value)
  }

  /** Payload of a finished copy, or undefined if it has to wait: then the end gets an event. */
  copy(end: FutureEnd, cx: AbiContext, ptr: number): number | undefined {
    cx.check(ptr, this.#type.size, this.#type.align)
    end.startCopy()
    const place = { cx, ptr }
    end.place = place
    return end.type === 'readable-future' ? this.#read(end) : this.#write(end, place)
  }

  cancel(end: FutureEnd): number {
    if (end.state !== 'copying') throw new GuestTrap(`a copy of a ${end.type} is cancelled where none is under way`)
    if (end.hasEvent) return end.takeEvent().payload
    end.place = undefined
    end.state = 'idle'
    return copyResults.cancelled
  }

  dropEnd(end: FutureEnd): void {
    end.assertDroppable()
    if (end.type === 'readable-future') return this.dropReader()
    // A future is a promise of a value: whoever waits for it has a right to it.
    if (end.state !== 'done') throw new GuestTrap('a writable-future is dropped before a value was written')
    this.writer = undefined
  }

  /** Nobody wants the value any more, be it the guest or the host. */
  dropReader(): void {
    this.reader = undefined
    this.#onValue = undefined
    this.#readerDropped = true
    const written = this.#written
    this.#written = undefined
    if (written !== undefined) release(written)
    const { writer } = this
    if (writer?.state !== 'copying' || writer.hasEvent) return
    writer.place = undefined
    writer.setEvent(() => {
      writer.state = 'done'
      return writer.event(copyResults.dropped)
    })
  }

  #read(end: FutureEnd): number | undefined {
    if (this.#value !== undefined) return this.#deliver(end, this.#value)
    if (this.writer?.place !== undefined) throw new GuestTrap(WITHIN)
    return undefined
  }

  #deliver(end: FutureEnd, take: Take<E>): number {
    const { place } = end
    end.place = undefined
    end.state = 'done'
    if (place === undefined) return copyResults.completed
    place.cx.check(place.ptr, this.#type.size, this.#type.align)
    this.#type.store(place.cx, place.ptr, take())
    return copyResults.completed
  }

  #write(end: FutureEnd, place: Place): number | undefined {
    if (this.#readerDropped) {
      end.place = undefined
      end.state = 'done'
      return copyResults.dropped
    }
    if (this.reader?.state === 'copying') throw new GuestTrap(WITHIN)
    // The guest still has the other end: nobody takes the value before that is read or given away.
    if (this.reader !== undefined) return undefined
    return this.#takeFrom(end, place)
  }

  #takeFrom(end: FutureEnd, { cx, ptr }: Place): number {
    this.#written = this.#type.load(cx, ptr)
    end.place = undefined
    end.state = 'done'
    this.resolveWith(() => this.#takeWritten())
    return copyResults.completed
  }

  #takeWritten(): FutureValues[E] {
    const written = this.#written
    if (written === undefined) throw new GuestTrap('a value of a future was taken twice')
    this.#written = undefined
    return written
  }

  /** The guest gives the readable end to the host: a value that waits to be taken is taken. */
  giveToHost(): void {
    this.reader = undefined
    const { writer } = this
    const place = writer?.place
    if (writer === undefined || place === undefined) return
    const payload = this.#takeFrom(writer, place)
    writer.state = 'copying'
    writer.setEvent(() => {
      writer.state = 'done'
      return writer.event(payload)
    })
  }
}

/** CanonicalABI.md, `SharedFutureImpl.read`: what is no number does not go from a component to itself. */
const WITHIN = 'a future of this type is written and read by one component'

function release(value: FutureValues[FutureElement]): void {
  if (value.tag === 'ok') value.val?.release?.()
}

/** A future of some element: all but its value. */
export type AnyFuture = Pick<
  Future,
  'element' | 'reader' | 'writer' | 'copy' | 'cancel' | 'dropEnd' | 'dropReader' | 'giveToHost'
>

export function newFuture(element: FutureElement): AnyFuture {
  switch (element) {
    case 'http-trailers':
      return new Future(element)
    case 'http-result':
      return new Future(element)
    case 'cli-result':
      return new Future(element)
    case 'file-result':
      return new Future(element)
    default:
      return element satisfies never
  }
}

/** One end in the guest's hands. */
export class FutureEnd extends CopyEnd {
  readonly type: 'readable-future' | 'writable-future'
  readonly future: AnyFuture
  place: Place | undefined

  constructor(type: 'readable-future' | 'writable-future', future: AnyFuture) {
    super()
    this.type = type
    this.future = future
  }

  event(payload: number): WaitEvent {
    const code = this.type === 'readable-future' ? eventCodes.futureRead : eventCodes.futureWrite
    return { code, handle: this.handle, payload }
  }
}
