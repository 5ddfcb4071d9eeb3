/**
 * What a guest writes as the body of a message. The guest may write before the message is sent: that is held here up to
 * a bound, and goes on when there is somewhere to go.
 */
import { BodyError } from '../../http/body.ts'
import type { BodySink } from '../../http/body.ts'
import type { HeaderList } from '../../http/message.ts'
import type { WriteEnd } from '../io/writer.ts'
import type { Budget } from './budget.ts'
import type { ErrorCode } from './error-code.ts'
import { codeOfOutgoing } from './errors.ts'

/** Ours: bytes of a body that are held before its message is sent. Enough for the bodies that are written whole. */
export const UNSENT_BYTES = 65_536

const NOT_FINISHED = 'the guest ended before the body was finished'

export class OutgoingPipe implements WriteEnd {
  readonly of: 'request' | 'response'
  /** What the message's content-length says. */
  readonly #expected: bigint | undefined
  readonly #budget: Budget
  readonly #live: Set<OutgoingPipe>
  #written = 0n
  #sink: BodySink | undefined
  #held: Uint8Array[] = []
  #heldBytes = 0
  #trailers: HeaderList | undefined
  #failure: BodyError | undefined
  #wrongLength = false
  #waiting: (() => void) | undefined
  #armed: (() => void) | undefined

  /** Stands in `live` for as long as the invocation's end would end it. */
  constructor(of: 'request' | 'response', expected: bigint | undefined, budget: Budget, live: Set<OutgoingPipe>) {
    this.of = of
    this.#expected = expected
    this.#budget = budget
    this.#live = live
    live.add(this)
  }

  get capacity(): number {
    if (this.#sink === undefined) return UNSENT_BYTES - this.#heldBytes
    return this.#heldBytes > 0 ? 0 : this.#sink.capacity
  }

  get failure(): BodyError | undefined {
    return this.#failure ?? this.#sink?.failure
  }

  /** What its receiver holds; what it holds itself is in the budget. */
  get sinkBytes(): number {
    return this.#sink?.heldBytes ?? 0
  }

  /** Whether it is finished and nothing was written. */
  get isEmpty(): boolean {
    return this.#trailers !== undefined && this.#written === 0n && this.#trailers.length === 0
  }

  readonly describe = (error: BodyError): ErrorCode => {
    if (this.#wrongLength) return { tag: `HTTP-${this.of}-body-size`, val: this.#written }
    return codeOfOutgoing(this.of, error)
  }

  write(bytes: Uint8Array): void {
    const { failure } = this
    if (failure !== undefined) throw failure
    this.#written += BigInt(bytes.length)
    if (this.#expected !== undefined && this.#written > this.#expected) throw this.#lengthError()
    if (this.#sink !== undefined && this.#heldBytes === 0) {
      this.#sink.write(bytes)
      return
    }
    this.#budget.take(bytes.length)
    this.#heldBytes += bytes.length
    this.#held.push(new Uint8Array(bytes))
  }

  onWritable(callback: () => void): () => void {
    this.#waiting = callback
    this.#arm()
    return () => {
      this.#waiting = undefined
      if (this.#heldBytes > 0) return
      this.#armed?.()
      this.#armed = undefined
    }
  }

  /** The message has been sent; this is where its body goes. */
  connect(sink: BodySink): void {
    this.#sink = sink
    if (this.#failure === undefined) this.#pump()
    else sink.fail(this.#failure)
    this.#wake()
    this.#arm()
  }

  /** The guest says the body is whole. Returns why it is not, if so. */
  finish(trailers: HeaderList): ErrorCode | undefined {
    const { failure } = this
    if (failure !== undefined) return this.describe(failure)
    if (this.#expected !== undefined && this.#written !== this.#expected) return this.describe(this.#lengthError())
    this.#trailers = trailers
    if (this.#sink !== undefined) this.#pump()
    return undefined
  }

  /** The body will not be whole: it was dropped, or its message was. */
  fail(message: string): void {
    if (this.#trailers !== undefined && this.#sink !== undefined) return
    this.#fail(new BodyError('aborted', message))
  }

  /** The invocation is over: what is finished is handed over whatever room there is, for it is little. */
  close(): void {
    if (this.#trailers === undefined || this.#sink === undefined) {
      this.#fail(new BodyError('aborted', NOT_FINISHED))
      return
    }
    this.#armed?.()
    this.#armed = undefined
    this.#pump(Number.POSITIVE_INFINITY)
  }

  #lengthError(): BodyError {
    this.#wrongLength = true
    const error = new BodyError(
      'protocol',
      `the body has ${this.#written} bytes so far, its content-length says ${this.#expected}`,
    )
    this.#fail(error)
    return error
  }

  #fail(error: BodyError): void {
    this.#failure ??= error
    this.#sink?.fail(this.#failure)
    this.#over()
    this.#wake()
  }

  /** Hands on what is held, as far as there is room, and the end after it. */
  #pump(room?: number): void {
    const sink = this.#sink
    if (sink === undefined) return
    try {
      let piece = this.#held[0]
      while (piece !== undefined && sink.failure === undefined) {
        const most = Math.min(piece.length, room ?? sink.capacity)
        if (most === 0) return
        sink.write(piece.subarray(0, most))
        this.#letGo(most)
        if (most < piece.length) this.#held[0] = piece.subarray(most)
        else this.#held.shift()
        piece = this.#held[0]
      }
      if (sink.failure !== undefined) this.#over()
      else if (this.#trailers !== undefined) {
        sink.end(this.#trailers)
        this.#over()
      }
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      this.#over()
    }
  }

  #letGo(bytes: number): void {
    this.#heldBytes -= bytes
    this.#budget.give(bytes)
  }

  #over(): void {
    this.#held = []
    this.#letGo(this.#heldBytes)
    this.#armed?.()
    this.#armed = undefined
    this.#live.delete(this)
  }

  #wake(): void {
    if (this.#waiting === undefined || (this.failure === undefined && this.capacity === 0)) return
    const callback = this.#waiting
    this.#waiting = undefined
    callback()
  }

  #arm(): void {
    if (this.#armed !== undefined || this.#sink === undefined) return
    if (this.#waiting === undefined && this.#heldBytes === 0) return
    this.#armed = this.#sink.onWritable(() => {
      this.#armed = undefined
      this.#pump()
      this.#wake()
      this.#arm()
    })
  }
}
