/** The payload that a function streams: to whoever takes it so, else collected for a caller that takes it whole. */
import { BodyError, failedSink, type BodySink, type PayloadStream } from '../http/body.ts'
import type { Outcome } from '../invocation.ts'
import { responseTooLarge } from './handle-abi.ts'

const none = new Uint8Array(0)

export class TrackedPayload implements PayloadStream {
  readonly #stream: PayloadStream | undefined
  readonly #mostBytes: number
  #sink: BodySink | CollectedBody | undefined

  /** `mostBytes`: of what is collected. */
  constructor(stream: PayloadStream | undefined, mostBytes: number) {
    this.#stream = stream
    this.#mostBytes = mostBytes
  }

  start(contentType: string): BodySink {
    this.#sink = this.#open(contentType)
    return this.#sink
  }

  /** A type that cannot be said is the guest's failure. */
  #open(contentType: string): BodySink {
    try {
      return this.#stream?.start(contentType) ?? new CollectedBody(this.#mostBytes)
    } catch (error) {
      if (error instanceof BodyError) return failedSink(error)
      throw error
    }
  }

  /** Once the guest has ended: what its outcome comes to, with what it streamed. */
  settle(outcome: Outcome): Outcome {
    const sink = this.#sink
    if (sink === undefined) return outcome
    // Why writing failed counts before what the function made of it.
    const refused = this.#refusal(sink)
    if (refused !== undefined) return refused
    if (outcome.kind === 'failure') {
      sink.fail(new BodyError('aborted', `the function failed: ${outcome.failure.errorType}`))
      return outcome
    }
    // Of a caller that has gone nobody is told.
    if (sink.failure === undefined) sink.end()
    return this.#refusal(sink) ?? this.#success(sink)
  }

  /** What cannot be sent, or held, is the function's doing. */
  #refusal({ failure }: BodySink): Outcome | undefined {
    if (failure instanceof PayloadTooLarge) return { kind: 'failure', failure: responseTooLarge(this.#mostBytes) }
    if (failure?.kind !== 'protocol' && failure?.kind !== 'too-large') return undefined
    return { kind: 'failure', failure: { errorType: 'Runtime.InvalidResponse', errorMessage: failure.message } }
  }

  #success(sink: BodySink): Outcome {
    return { kind: 'success', payload: sink instanceof CollectedBody ? sink.bytes() : none }
  }
}

/** What is collected is over its limit: AWS has an error of its own for it. */
export class PayloadTooLarge extends BodyError {
  constructor(mostBytes: number) {
    super('too-large', `the payload is over ${mostBytes} bytes`)
  }
}

/** Bytes in memory, up to a limit. */
export class CollectedBody implements BodySink {
  readonly #mostBytes: number
  readonly #pieces: Uint8Array[] = []
  #heldBytes = 0
  #failure: BodyError | undefined
  readonly drained = true

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** One more than there is room for, so that the write that goes over is seen. */
  get capacity(): number {
    return this.#failure === undefined ? this.#mostBytes - this.#heldBytes + 1 : 0
  }

  get failure(): BodyError | undefined {
    return this.#failure
  }

  write(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#heldBytes + bytes.length > this.#mostBytes) {
      this.fail(new PayloadTooLarge(this.#mostBytes))
      return
    }
    this.#heldBytes += bytes.length
    this.#pieces.push(bytes.slice())
  }

  onWritable(callback: () => void): () => void {
    const immediate = setImmediate(callback)
    return () => clearImmediate(immediate)
  }

  end(): void {}

  fail(error: BodyError): void {
    this.#failure ??= error
    this.#pieces.length = 0
    this.#heldBytes = 0
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#pieces)
  }
}
