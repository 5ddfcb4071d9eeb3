/** HTTP components: how they are called, and how that ends, as the exchange tells it. */
import { BodyError, failedSink, type BodySink } from '../http/body.ts'
import type { FunctionFailure, Invocation, Outcome } from '../invocation.ts'
import type { HeaderList, HttpExchange } from '../http/message.ts'
import type { LowerOptions } from '../wasi/abi/context.ts'
import { GuestTrap } from '../wasi/errors.ts'
import { CoreLift } from './core-lift.ts'
import type { CallContext, GuestCall } from './event-call.ts'
import type { GuestInstance } from './guest.ts'
import { responseTooLarge } from './handle-abi.ts'
import { PayloadTooLarge } from './payload-stream.ts'
import type { HandleLift } from './plan.ts'

const none = new Uint8Array(0)

/** A component of `wasi:http`, called with the request of the invocation's exchange. */
export class HttpCall implements GuestCall {
  readonly #instance: GuestInstance
  readonly #handle: CoreLift
  #returned = false

  constructor(instance: GuestInstance, handle: HandleLift) {
    this.#instance = instance
    this.#handle = new CoreLift(instance, handle)
  }

  taskReturn(name: string, options: LowerOptions, flat: (number | bigint)[]): void {
    if (name !== 'handle') throw new GuestTrap(`task.return of ${name} was called by another task`)
    if (this.#returned) throw new GuestTrap('task.return called twice')
    this.#returned = true
    this.#instance.host.respond(options, flat)
  }

  async call({ invocation, run }: CallContext): Promise<Outcome> {
    const { host, engine, linked } = this.#instance
    const exchange = run.http
    if (exchange === undefined) return { kind: 'failure', failure: invalidEvent(invocation) }
    this.#returned = false
    const isThird = engine.plan.entry === 'http-0.3'
    const { request, responseOut } = isThird
      ? { request: host.openRequest(), responseOut: undefined }
      : host.openExchange()
    run.releaseThread()
    const { lift, options } = this.#handle.lift
    const result = await this.#handle.call(run, ...(responseOut === undefined ? [request] : [request, responseOut]))
    if (isThird && lift === 'sync') {
      host.respondFrom(linked.canon(options), result >>> 0)
      await this.#handle.postReturn(run, result)
    }
    const failure = host.givenFailure
    if (failure !== undefined) return { kind: 'failure', failure }
    // What the guest passed on without touching it flows on without the guest.
    const flowing = host.flowing()
    if (flowing !== undefined) await run.suspended(flowing)
    run.leave()
    return exchange.outcome()
  }
}

function invalidEvent({ http }: Invocation): FunctionFailure {
  const why = http !== undefined && 'invalid' in http ? http.invalid : 'there is none'
  const errorMessage = `the function is an HTTP component, which takes a request in payload format 2.0: ${why}`
  return { errorType: 'Runtime.InvalidEvent', errorMessage }
}

/** The exchange of an invocation, and what the guest has made of it. */
export class TrackedExchange implements HttpExchange {
  readonly request: HttpExchange['request']
  readonly responder: HttpExchange['responder']
  readonly #exchange: HttpExchange
  #body: GuestBody | undefined
  #failure: FunctionFailure | undefined

  constructor(exchange: HttpExchange) {
    const { request, responder } = exchange
    this.#exchange = exchange
    this.request = request
    this.responder = {
      inform: (head) => void this.#attempt(() => responder.inform(head)),
      respond: (head) => {
        const sink = this.#attempt(() => responder.respond(head))
        if (sink instanceof BodyError) return failedSink(sink)
        this.#body = new GuestBody(sink)
        return this.#body
      },
    }
  }

  /** A head that is none is the guest's failure. */
  #attempt<T>(say: () => T): T | BodyError {
    try {
      return say()
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      this.failed(error.kind === 'too-large' ? 'HTTP-response-body-size' : 'HTTP-protocol-error', error.message)
      return error
    }
  }

  failed(code: string, message?: string): void {
    const said = message === undefined || message === '' ? '' : `: ${message}`
    this.#failure = {
      errorType: 'Runtime.InvalidResponse',
      errorMessage: `the function answered with the error ${code}${said}`,
    }
    this.#exchange.failed(code, message)
  }

  /** Once the guest has ended by itself. */
  outcome(): Outcome {
    if (this.#failure !== undefined) return { kind: 'failure', failure: this.#failure }
    if (this.#body !== undefined) return { kind: 'success', payload: none }
    const errorMessage = 'the function ended without a response'
    return { kind: 'failure', failure: { errorType: 'Runtime.InvalidResponse', errorMessage } }
  }

  /** Once its handles are closed, and what it left open has been cut: a response that is not whole is none. */
  settle(outcome: Outcome, mostBytes: number): Outcome {
    const defect = this.#body?.defect
    if (outcome.kind === 'failure' || defect === undefined) return outcome
    if (defect === 'too-large') return { kind: 'failure', failure: responseTooLarge(mostBytes) }
    const errorMessage = `the function's response is not whole: ${defect}`
    return { kind: 'failure', failure: { errorType: 'Runtime.InvalidResponse', errorMessage } }
  }
}

/** The body of the guest's response, and why it is not whole if that is the guest's doing. */
class GuestBody implements BodySink {
  readonly #sink: BodySink
  #cut: string | undefined

  constructor(sink: BodySink) {
    this.#sink = sink
  }

  /** 'too-large': for who collects it. A client that has gone is no defect. */
  get defect(): string | undefined {
    const { failure } = this.#sink
    if (this.#cut !== undefined || failure === undefined || failure.kind === 'aborted') return this.#cut
    return failure instanceof PayloadTooLarge ? failure.kind : failure.message
  }

  get capacity(): number {
    return this.#sink.capacity
  }

  get failure(): BodyError | undefined {
    return this.#sink.failure
  }

  get drained(): boolean {
    return this.#sink.drained
  }

  get heldBytes(): number {
    return this.#sink.heldBytes
  }

  write(bytes: Uint8Array): void {
    this.#sink.write(bytes)
  }

  onWritable(callback: () => void): () => void {
    return this.#sink.onWritable(callback)
  }

  end(trailers?: HeaderList): void {
    this.#sink.end(trailers)
  }

  fail(error: BodyError): void {
    if (this.#sink.failure === undefined) this.#cut ??= error.message
    this.#sink.fail(error)
  }
}
