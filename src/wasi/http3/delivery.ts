/** A message's body on its way out: as long as its content-length says, and what became of it told to the guest. */
import { BodyError, type BodySink } from '../../http/body.ts'
import type { HeaderList } from '../../http/message.ts'
import { ok } from '../abi/variants.ts'
import { Delivery } from '../async/delivery.ts'
import type { ErrorCode } from '../http/error-code.ts'
import { codeOfOutgoing } from '../http/errors.ts'
import type { HostState } from '../state.ts'
import type { Message } from './resources.ts'

class LengthError extends BodyError {
  readonly bytes: bigint

  constructor(bytes: bigint, expected: bigint) {
    super('protocol', `the body has ${bytes} bytes so far, its content-length says ${expected}`)
    this.bytes = bytes
  }
}

/** A sink that fails where a body is not as long as was said. */
export class MeasuredSink implements BodySink {
  readonly #sink: BodySink
  readonly #expected: bigint | undefined
  #bytes = 0n
  #failure: LengthError | undefined

  /** @param expected undefined: any length */
  constructor(sink: BodySink, expected: bigint | undefined) {
    this.#sink = sink
    this.#expected = expected
  }

  get capacity(): number {
    return this.#sink.capacity
  }

  get failure(): BodyError | undefined {
    return this.#failure ?? this.#sink.failure
  }

  get drained(): boolean {
    return this.#sink.drained
  }

  get heldBytes(): number {
    return this.#sink.heldBytes
  }

  write(bytes: Uint8Array): void {
    const length = this.#bytes + BigInt(bytes.length)
    if (this.#expected !== undefined && length > this.#expected) throw this.#wrong(length, this.#expected)
    this.#sink.write(bytes)
    this.#bytes = length
  }

  onWritable(callback: () => void): () => void {
    return this.#sink.onWritable(callback)
  }

  end(trailers?: HeaderList): void {
    if (this.#expected !== undefined && this.#bytes !== this.#expected) this.#wrong(this.#bytes, this.#expected)
    else this.#sink.end(trailers)
  }

  fail(error: BodyError): void {
    this.#sink.fail(error)
  }

  #wrong(bytes: bigint, expected: bigint): LengthError {
    this.#failure = new LengthError(bytes, expected)
    this.#sink.fail(this.#failure)
    return this.#failure
  }
}

/** The message's transmission is told to whoever made it. */
export function deliver(state: HostState, message: Message, sink: BodySink, of: 'request' | 'response'): Delivery {
  const delivery = new Delivery(message, sink)
  state.async.track(delivery)
  delivery.onDone(() => {
    const { error } = delivery
    message.transmitted.resolve(error === undefined ? ok(undefined) : { tag: 'err', val: codeOf(of, error) })
  })
  return delivery
}

function codeOf(of: 'request' | 'response', error: BodyError): ErrorCode {
  return error instanceof LengthError ? { tag: `HTTP-${of}-body-size`, val: error.bytes } : codeOfOutgoing(of, error)
}
