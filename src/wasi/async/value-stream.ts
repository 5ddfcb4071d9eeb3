/** A stream of anything but bytes: what the host has is there at once; within one component it cannot be used. */
import { GuestTrap } from '../errors.ts'
import { streamElementTypes, type StreamValues } from './elements.ts'
import { copyResults } from './ends.ts'
import type { StreamElement } from './names.ts'
import { Stream, type GuestBuffer, type StreamEnd } from './stream-end.ts'

/** Ours: elements of one copy, so that no host call holds the thread. */
const MOST_ELEMENTS = 1_024

export type ValueElement = Exclude<StreamElement, 'u8'>

/** Undefined after the last, and from then on. */
type Next<E extends ValueElement> = () => StreamValues[E] | undefined

export class ValueStream<E extends ValueElement = ValueElement> extends Stream {
  readonly element: E
  readonly heldBytes = 0
  readonly #next: Next<E> | undefined
  #onEnd: (() => void) | undefined

  /**
   * @param next what the host writes; without it the guest has both ends
   * @param onEnd called once: the reader has had all, or wants no more
   */
  constructor(element: E, next?: Next<E>, onEnd?: () => void) {
    super()
    this.element = element
    this.#next = next
    this.#onEnd = onEnd
  }

  dropReader(): void {
    this.reader = undefined
    this.readerDropped = true
    this.#ended()
    this.finishPending(this.writer)
  }

  protected dropWriter(): void {
    this.writer = undefined
    this.writerDropped = true
    this.finishPending(this.reader)
  }

  abandon(): void {
    this.#onEnd = undefined
  }

  protected read(end: StreamEnd, buffer: GuestBuffer): number | undefined {
    if (this.#next !== undefined) return this.#give(end, buffer, this.#next)
    if (this.writerDropped) return end.finish(copyResults.dropped)
    assertAlone(this.writer)
    return undefined
  }

  protected write(end: StreamEnd): number | undefined {
    if (this.readerDropped) return end.finish(copyResults.dropped)
    assertAlone(this.reader)
    return undefined
  }

  #give(end: StreamEnd, buffer: GuestBuffer, next: Next<E>): number {
    const type = streamElementTypes[this.element]
    const most = Math.min(buffer.length, MOST_ELEMENTS)
    while (buffer.progress < most) {
      const value = next()
      if (value === undefined) {
        this.#ended()
        return end.finish(copyResults.dropped)
      }
      type.store(buffer.cx, buffer.ptr + buffer.progress * type.size, value)
      buffer.progress += 1
    }
    return end.finish(copyResults.completed)
  }

  #ended(): void {
    const callback = this.#onEnd
    this.#onEnd = undefined
    callback?.()
  }
}

/** CanonicalABI.md, `SharedStreamImpl.read`: what is no number does not go from a component to itself. */
function assertAlone(other: StreamEnd | undefined): void {
  if (other?.buffer !== undefined) throw new GuestTrap('a stream of this type is written and read by one component')
}
