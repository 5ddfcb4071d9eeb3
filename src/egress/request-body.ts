import { BodyError } from '../http/body.ts'
import type { BodySink } from '../http/body.ts'
import type { HeaderList } from '../http/message.ts'
import { ByteQueue } from './byte-queue.ts'
import { Waiter } from './waiter.ts'

/** The connection's side of it, once it stands. */
export interface RequestTarget {
  /** `flushed` is called when the system has taken the bytes, or never will. */
  write(bytes: Uint8Array, flushed: () => void): void
  end(trailers: HeaderList): void
}

/** What the body tells the exchange it belongs to. */
export interface RequestBodyOwner {
  /** Before bytes are taken. Returns why they are not. */
  account(bytes: number): BodyError | undefined
  /** Bytes have gone out. */
  progressed(): void
  /** The body will not be whole, by the writer's will or by breaking a limit or its declared length. */
  failed(error: BodyError): void
}

export interface RequestBodyOptions {
  /** Bytes held before the writer has to wait. */
  most: number
  /** `content-length` that was declared, if so: neither more nor less is sent. */
  declared: number | undefined
}

/** The body of a request as it is written; held until the connection stands. */
export class RequestBody implements BodySink {
  readonly #options: RequestBodyOptions
  readonly #owner: RequestBodyOwner
  readonly #queue = new ByteQueue()
  readonly #waiter = new Waiter()
  #target: RequestTarget | undefined
  #scheduled = false
  /** Bytes given to the target of which it has not said that they are gone. */
  #inFlight = 0
  #written = 0
  #ended: HeaderList | undefined
  #failure: BodyError | undefined

  constructor(options: RequestBodyOptions, owner: RequestBodyOwner) {
    this.#options = options
    this.#owner = owner
  }

  get failure(): BodyError | undefined {
    return this.#failure
  }

  get heldBytes(): number {
    return this.#queue.length + this.#inFlight
  }

  get capacity(): number {
    if (this.#failure !== undefined || this.#ended !== undefined) return 0
    return Math.max(0, this.#options.most - this.heldBytes)
  }

  get drained(): boolean {
    return this.#failure === undefined && this.heldBytes === 0
  }

  /** Bytes written so far. */
  get written(): number {
    return this.#written
  }

  /** The trailers, once the body is whole. */
  get ended(): HeaderList | undefined {
    return this.#ended
  }

  write(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#ended !== undefined) throw new BodyError('protocol', 'the body of the request has been ended')
    if (bytes.length === 0) return
    const { declared } = this.#options
    if (declared !== undefined && this.#written + bytes.length > declared) {
      throw this.#broken(
        new BodyError('protocol', `the body of the request is longer than its content-length of ${declared} bytes`),
      )
    }
    const refusal = this.#owner.account(bytes.length)
    if (refusal !== undefined) throw this.#broken(refusal)
    this.#written += bytes.length
    this.#queue.push(bytes.slice())
    this.#schedule()
  }

  onWritable(callback: () => void): () => void {
    return this.#waiter.wait(callback, this.capacity > 0 || this.#failure !== undefined)
  }

  end(trailers: HeaderList = []): void {
    if (this.#failure !== undefined || this.#ended !== undefined) return
    const { declared } = this.#options
    if (declared !== undefined && this.#written < declared) {
      this.#broken(
        new BodyError('protocol', `the body of the request ended after ${this.#written} of ${declared} declared bytes`),
      )
      return
    }
    this.#ended = trailers
    this.#schedule()
  }

  fail(error: BodyError): void {
    if (this.#failure !== undefined || this.#ended !== undefined) return
    this.#broken(error)
  }

  /** From now on what is written goes out. */
  attach(target: RequestTarget): void {
    this.#target = target
    this.#pump()
  }

  /** The receiver has gone. */
  close(error: BodyError): void {
    this.#target = undefined
    if (this.#failure !== undefined || (this.#ended !== undefined && this.heldBytes === 0)) return
    this.#give(error)
  }

  #broken(error: BodyError): BodyError {
    this.#give(error)
    this.#owner.failed(error)
    return error
  }

  #give(error: BodyError): void {
    this.#failure = error
    this.#queue.clear()
    this.#inFlight = 0
    this.#waiter.wake()
  }

  /** What a guest writes in one go, a few bytes at a time, goes out together. */
  #schedule(): void {
    if (this.#scheduled || this.#target === undefined) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    const target = this.#target
    if (target === undefined || this.#failure !== undefined) return
    for (let piece = this.#queue.take(Infinity); piece !== undefined; piece = this.#queue.take(Infinity)) {
      const { length } = piece
      this.#inFlight += length
      target.write(piece, () => this.#flushed(length))
    }
    if (this.#ended !== undefined) {
      this.#target = undefined
      target.end(this.#ended)
    }
  }

  #flushed(bytes: number): void {
    if (this.#failure !== undefined) return
    this.#inFlight -= bytes
    this.#owner.progressed()
    if (this.capacity > 0 || this.drained) this.#waiter.wake()
  }
}
