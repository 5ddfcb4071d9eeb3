/** One request and its response, from the lookup of the name to the last byte. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { BodyError } from '../http/body.ts'
import { EgressError } from '../http/egress.ts'
import type { EgressErrorCode, EgressExchange, EgressResponse } from '../http/egress.ts'
import type { HeaderList } from '../http/message.ts'
import type { Address } from './addresses.ts'
import type { InvocationBudget } from './budget.ts'
import type { FunctionConnections } from './connections.ts'
import { Alarm } from './deadline.ts'
import type { Deadline } from './deadline.ts'
import { describeDestination } from './destination.ts'
import { codeOf, ofRequestBody, toBodyError, toEgressError } from './failures.ts'
import type { Stage } from './failures.ts'
import type { EgressLimits } from './limits.ts'
import { RequestBody } from './request-body.ts'
import { checkTrailers, endToEnd } from './request-head.ts'
import type { CheckedRequest } from './request-head.ts'
import { ResponseBody } from './response-body.ts'
import { openRequest, pairs, sectionTooLarge, wireHeaders } from './wire.ts'

export interface ExchangeContext {
  connections: FunctionConnections
  budget: InvocationBudget
  limits: EgressLimits
  deadlines: { connect: Deadline; firstByte: Deadline; betweenBytes: Deadline; total: Deadline }
  /** Once, when nothing of it uses the network any more. */
  ended(exchange: Exchange): void
}

/** Methods that a server may get twice. */
const repeatable = new Set(['GET', 'HEAD', 'OPTIONS'])

export class Exchange implements EgressExchange {
  readonly body: RequestBody
  readonly response: Promise<EgressResponse>
  readonly #request: CheckedRequest
  readonly #context: ExchangeContext
  readonly #where: string
  readonly #settle: { resolve(response: EgressResponse): void; reject(error: EgressError): void }
  /** Of the step it is in: connecting, waiting for the response, or for more of it. */
  readonly #alarm = new Alarm()
  readonly #total = new Alarm()
  #over = false
  #connected = false
  #connection: { request: ClientRequest; socket: Socket | undefined; readBefore: number } | undefined
  #arriving: { message: IncomingMessage; body: ResponseBody } | undefined

  constructor(request: CheckedRequest, context: ExchangeContext) {
    this.#request = request
    this.#context = context
    this.#where = describeDestination(request.destination)
    const { promise, resolve, reject } = Promise.withResolvers<EgressResponse>()
    // Whoever does not ask for the response is not to bring the process down by its failure.
    promise.catch(() => undefined)
    this.response = promise
    this.#settle = { resolve, reject }
    this.body = new RequestBody(
      { most: context.limits.egressBufferBytes, declared: request.contentLength },
      {
        account: (bytes) => {
          const refusal = context.budget.send(bytes)
          return refusal === undefined ? undefined : new BodyError('too-large', refusal)
        },
        progressed: () => {
          if (this.#arriving === undefined) this.#alarm.refresh()
        },
        failed: (error) => this.#bodyFailed(error),
      },
    )
    const { total } = context.deadlines
    this.#total.set(total.ms, () => this.#timedOut('HTTP-response-timeout', 'the exchange was not over', total))
    void this.#start()
  }

  cancel(): void {
    this.#fail(new EgressError('connection-terminated', `${this.#where}: the request was cancelled.`))
  }

  async #start(): Promise<void> {
    const { names, rules } = this.#context.connections
    try {
      const addresses = await names.addresses(this.#request.destination, rules)
      if (!this.#over) this.#connect(addresses)
    } catch (error) {
      this.#fail(toEgressError(error, this.#where, 'connecting', undefined))
    }
  }

  #connect(addresses: readonly Address[]): void {
    const { method, path, destination } = this.#request
    const { connections, limits, deadlines } = this.#context
    const { flat, chunked } = wireHeaders(this.#request, this.body)
    const request = openRequest(
      { agent: connections.agent, method, path, headers: flat, destination, addresses },
      limits.egressHeaderBytes,
    )
    this.#connection = { request, socket: undefined, readBefore: 0 }
    const { connect } = deadlines
    this.#alarm.set(connect.ms, () => this.#timedOut('connection-timeout', 'there was no connection', connect))
    request.on('socket', (socket) => this.#gotSocket(request, socket))
    request.on('response', (message) => this.#arrives(message))
    request.on('error', (error) => this.#broke(request, error, addresses))
    request.on('close', () => this.#closed(request))
    this.body.attach({
      write: (bytes, flushed) => request.write(bytes, flushed),
      end: (trailers) => this.#endRequest(request, chunked ? trailers : []),
    })
    // Not `flushHeaders`: that writes the values as UTF-8, and they are bytes.
    if (this.body.ended === undefined && !this.#over) request.write('', 'latin1')
  }

  #endRequest(request: ClientRequest, trailers: HeaderList): void {
    try {
      const sent = checkTrailers(trailers, this.#context.limits.egressHeaderBytes)
      if (sent.length > 0) request.addTrailers(sent.map(([name, value]): [string, string] => [name, value]))
      request.end()
    } catch (error) {
      this.#fail(toEgressError(error, this.#where, 'sending', undefined))
    }
  }

  #gotSocket(request: ClientRequest, socket: Socket): void {
    if (this.#over || this.#connection?.request !== request) return
    this.#connection = { request, socket, readBefore: socket.bytesRead }
    const ready = (): void => {
      if (this.#over || this.#connection?.request !== request || this.#arriving !== undefined) return
      this.#connected = true
      this.#awaitResponse()
    }
    if (request.reusedSocket) ready()
    else socket.once(this.#request.destination.scheme === 'https' ? 'secureConnect' : 'connect', ready)
  }

  /** The time for the first byte runs from when the last byte went out: a long body is no slow response. */
  #awaitResponse(): void {
    const { firstByte } = this.#context.deadlines
    this.#alarm.set(firstByte.ms, () => {
      if (this.body.heldBytes > 0)
        this.#timedOut('connection-write-timeout', 'the server took no more bytes', firstByte)
      else this.#timedOut('connection-read-timeout', 'there was no response', firstByte)
    })
  }

  #arrives(message: IncomingMessage): void {
    const headers = pairs(message.rawHeaders)
    if (this.#tooLarge(headers, 'header section of its response')) return
    const body = new ResponseBody(this.#context.limits.egressBufferBytes, {
      pause: () => {
        message.pause()
        this.#alarm.clear()
      },
      resume: () => {
        if (!this.#over && !message.readableEnded) this.#awaitMore()
        message.resume()
      },
      cancelled: () => this.cancel(),
      get heldBytes() {
        return message.readableLength
      },
    })
    this.#arriving = { message, body }
    message.on('data', (bytes: Buffer) => {
      const refusal = this.#context.budget.receive(bytes.length)
      if (refusal !== undefined) {
        this.#fail(new EgressError('HTTP-response-body-size', `${this.#where}: ${refusal}.`))
        return
      }
      this.#alarm.refresh()
      body.push(bytes)
    })
    message.on('end', () => this.#whole(message, body))
    message.on('error', (error) => this.#fail(this.#toError(error)))
    this.#awaitMore()
    this.#settle.resolve({
      status: message.statusCode ?? 0,
      headers: endToEnd(headers),
      body,
    })
  }

  #tooLarge(fields: HeaderList, what: string): boolean {
    const error = sectionTooLarge(fields, `${this.#where}: the ${what}`, this.#context.limits.egressHeaderBytes)
    if (error !== undefined) this.#fail(error)
    return error !== undefined
  }

  #awaitMore(): void {
    const { betweenBytes } = this.#context.deadlines
    this.#alarm.set(betweenBytes.ms, () => {
      this.#timedOut('connection-read-timeout', 'the response did not go on', betweenBytes)
    })
  }

  #whole(message: IncomingMessage, body: ResponseBody): void {
    // One that was cut off ends in an error as well.
    if (!message.complete) return
    const trailers = pairs(message.rawTrailers)
    if (!this.#over && this.#tooLarge(trailers, 'trailer section of its response')) return
    body.finish(endToEnd(trailers))
    if (this.#over) return
    this.#alarm.clear()
    // The server waits for the rest of a request that will not come.
    if (this.body.failure !== undefined) this.#fail(ofRequestBody(this.body.failure, this.#where))
  }

  /** The connection is free again, or gone. Of a whole response the rest may still be unread. */
  #closed(request: ClientRequest): void {
    if (this.#over || this.#connection?.request !== request) return
    if (this.#arriving?.message.complete) {
      this.#end(new BodyError('aborted', `${this.#where}: the server has answered and ended the connection`))
    } else {
      this.#fail(this.#toError(undefined))
    }
  }

  #broke(request: ClientRequest, error: Error, addresses: readonly Address[]): void {
    if (this.#over || this.#connection?.request !== request) return
    if (!this.#wasStale(request, error)) {
      this.#takeRest()
      this.#fail(this.#toError(error))
      return
    }
    this.#connection = undefined
    this.#connected = false
    try {
      this.#connect(addresses)
    } catch (thrown) {
      this.#fail(this.#toError(thrown))
    }
  }

  /** What came before a failure is still to be read, and may be all there is. */
  #takeRest(): void {
    if (this.#arriving === undefined) return
    const { message, body } = this.#arriving
    while (message.read() !== null);
    this.#whole(message, body)
  }

  /** A kept connection that the server closed while the request was on its way, and a request that may go out again. */
  #wasStale(request: ClientRequest, error: Error): boolean {
    return (
      request.reusedSocket &&
      (codeOf(error) === 'ECONNRESET' || codeOf(error) === 'EPIPE') &&
      this.#stage() === 'sending' &&
      repeatable.has(this.#request.method) &&
      this.body.ended !== undefined &&
      this.body.written === 0
    )
  }

  #bodyFailed(error: BodyError): void {
    // The response may say why the server wanted no more; what it still sends is let through.
    if (error.kind === 'aborted' && this.#arriving !== undefined && !this.#arriving.message.complete) return
    this.#fail(ofRequestBody(error, this.#where))
  }

  #stage(): Stage {
    if (!this.#connected) return 'connecting'
    if (this.#arriving !== undefined) return 'reading-body'
    const { socket, readBefore = 0 } = this.#connection ?? {}
    return (socket?.bytesRead ?? 0) > readBefore ? 'reading-head' : 'sending'
  }

  /** `error`: undefined, the connection ended without one. */
  #toError(error: unknown): EgressError {
    const cause = error ?? Object.assign(new Error('closed'), { code: 'ECONNRESET' })
    return toEgressError(cause, this.#where, this.#stage(), this.#connection?.socket)
  }

  #timedOut(code: EgressErrorCode, what: string, { ms, name }: Deadline): void {
    this.#fail(new EgressError(code, `${this.#where}: ${what} within ${ms} ms (${name}).`))
  }

  #fail(error: EgressError): void {
    if (this.#over) return
    const lost = toBodyError(error)
    this.#settle.reject(error)
    this.#arriving?.body.fail(lost)
    this.#end(lost)
    this.#connection?.request.destroy()
  }

  #end(lost: BodyError): void {
    this.#over = true
    this.#alarm.clear()
    this.#total.clear()
    this.body.close(lost)
    this.#context.ended(this)
  }
}
