/** What function URLs and routes share: a request that was let in runs its function, and the outcome is the response. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Config } from '../../config.ts'
import { ThawError, toWireError } from '../../errors.ts'
import { functionArn } from '../../functions/names.ts'
import { sourceOf, type PayloadStream } from '../../http/body.ts'
import type { HeaderList, HttpExchange } from '../../http/message.ts'
import { isAllowed } from '../../identity/policy.ts'
import type { Caller } from '../../identity/request.ts'
import type { FunctionSpec, Invocation } from '../../invocation.ts'
import type { Statement } from '../../store/policies.ts'
import { latest } from '../../store/records.ts'
import type { WorkerAccess } from '../access.ts'
import { createClientOf, type ClientView } from '../edge/client-address.ts'
import { clientRequestId } from '../edge/request-id.ts'
import type { Forwarder } from '../forward.ts'
import { assertStreamable, CallerGone, readBody, type PayloadBudget } from '../read-payload.ts'
import type { Runner } from '../runner.ts'
import type { Target } from '../served-function.ts'
import type { SpecTable } from '../spec-table.ts'
import { incomingBody } from '../edge/incoming-body.ts'
import { outgoingResponder } from '../edge/outgoing-body.ts'
import { componentExchange, componentRequest } from './component.ts'
import { httpPayloadStream } from '../streaming/http-payload.ts'
import { withoutCors } from './cors.ts'
import { httpEvent, type EventOrigin } from './event.ts'
import { urlResponse, type UrlResponse } from './response.ts'

export interface HttpFunctionOptions {
  table: SpecTable
  run: Runner
  access: WorkerAccess
  forwarder: Forwarder
  config: Config
  budget: PayloadBudget
  runsQuarantined(): boolean
  onDefect(error: unknown, requestId: string): void
}

/** Answers one request. Never rejects. */
export type HttpFunctionHandler = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>

/** Which function a request is for, and that its caller may. */
export interface Admission {
  accountId: string
  functionName: string
  /** An alias, a version's number, or `$LATEST`. */
  qualifier: string
  /** Who says to have signed it, which the body will prove; undefined where nobody has to. */
  signer: Caller | undefined
  origin: EventOrigin
  /** Headers, names and values in turn, in place of the function's own of that kind. Undefined: those count. */
  cors: readonly string[] | undefined
  /** RESPONSE_STREAM: what the function streams leaves as it is written. */
  invokeMode: 'BUFFERED' | 'RESPONSE_STREAM'
}

/** By the head alone: an admission, or the answer to whom is not let in. Errors: those of signatures. */
export type Admit = (incoming: IncomingMessage) => Admission | UrlResponse

/** Whether a signer may call this function over HTTP: its own account may, others as its policy says. */
export function mayInvoke(
  caller: Caller | undefined,
  called: { accountId: string; functionName: string; qualifier: string; statements: readonly Statement[] },
  region: string,
): boolean {
  if (caller === undefined) return false
  const { accountId, functionName, qualifier, statements } = called
  if (caller.accountId === accountId) return true
  return isAllowed(statements, {
    principal: { account: caller.accountId },
    action: 'lambda:InvokeFunctionUrl',
    resource: functionArn({ accountId, region }, functionName, qualifier === latest ? undefined : qualifier),
    context: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' },
  })
}

export function createHttpFunctionHandler(options: HttpFunctionOptions, admit: Admit): HttpFunctionHandler {
  const { table, forwarder, runsQuarantined, onDefect } = options
  const clientOf = createClientOf(options.config)

  /** Errors: CallerGone, `RequestTooLarge`, `TooManyRequests`, those of signatures, and of the runtime. */
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse, requestId: string): Promise<void> => {
    const receivedAt = new Date()
    const admitted = admit(incoming)
    if ('status' in admitted) return send(outgoing, requestId, admitted)
    const target = table.find(admitted.accountId, admitted.functionName, admitted.qualifier)
    // Not active yet, or never to be: there is nothing that could answer.
    if (target === undefined) return send(outgoing, requestId, failed)
    if (target.via === undefined || runsQuarantined())
      return runAndAnswer(
        options,
        { incoming, outgoing, requestId, receivedAt, client: clientOf(incoming) },
        admitted,
        target,
      )
    await forwarder.forward(incoming, outgoing, target.via, { trusted: false })
  }

  return async (incoming, outgoing) => {
    const requestId = randomUUID()
    try {
      await answer(incoming, outgoing, requestId)
    } catch (error) {
      if (error instanceof CallerGone) return
      const { status, type, body } = toWireError(error)
      if (status === 500) onDefect(error, requestId)
      const headers = ['content-type', 'application/json', 'x-amzn-errortype', type]
      send(outgoing, requestId, { status, headers, body: Buffer.from(JSON.stringify(body)) })
    }
  }
}

interface Exchange {
  incoming: IncomingMessage
  outgoing: ServerResponse
  requestId: string
  receivedAt: Date
  client: ClientView
}

/** Reads the body, proves the signature, runs the function with the event, answers with what it returned. */
async function runAndAnswer(
  options: HttpFunctionOptions,
  exchange: Exchange,
  admission: Admission,
  target: Target,
): Promise<void> {
  if (target.spec.entry !== undefined) return runComponent(options, exchange, admission, target)
  const { access, run, config, budget } = options
  const { incoming, outgoing, requestId, receivedAt, client } = exchange
  const { signer, origin, qualifier, cors, invokeMode } = admission
  const body = await readBody(incoming, config.limits.payloadBytes, budget)
  if (signer !== undefined) await access.verify?.(incoming, body, signer.accountId)
  const payload = httpEvent(origin, { incoming, body, requestId, receivedAt, signer, client })
  const { spec } = target
  const { bodyWindowBytes: windowBytes, streamedBodyBytes: bodyBytes } = config.limits
  const responder = () =>
    outgoingResponder(outgoing, { windowBytes, bodyBytes, headers: ownHeaders(outgoing, requestId, cors) })
  const payloadStream = invokeMode === 'BUFFERED' ? undefined : httpPayloadStream(responder())
  const invocation = new HttpInvocation({ outgoing, requestId, spec, payload, qualifier, payloadStream })
  const { result } = await run(invocation, target)
  const { outcome } = result
  const response = (outcome.kind === 'success' ? urlResponse(outcome.payload) : undefined) ?? failed
  const headers = cors === undefined ? response.headers : [...withoutCors(response.headers), ...cors]
  send(outgoing, requestId, { ...response, headers })
}

/** The same for an HTTP component, which takes the request as it arrives and answers by itself. */
async function runComponent(
  { access, run, config, budget }: HttpFunctionOptions,
  { incoming, outgoing, requestId, client }: Exchange,
  { signer, qualifier, cors }: Admission,
  target: Target,
): Promise<void> {
  const { bodyWindowBytes: windowBytes, streamedBodyBytes: bodyBytes } = config.limits
  // A signature covers the whole body: nothing of it may be acted upon before.
  const proven = signer === undefined ? undefined : await readBody(incoming, config.limits.payloadBytes, budget)
  if (signer !== undefined && proven !== undefined) await access.verify?.(incoming, proven, signer.accountId)
  if (proven === undefined) assertStreamable(incoming, bodyBytes)
  const arriving = proven === undefined ? incomingBody(incoming, { windowBytes, bodyBytes }) : undefined
  const headers = ownHeaders(outgoing, requestId, cors)
  const responder = outgoingResponder(outgoing, { windowBytes, bodyBytes, headers })
  const request = componentRequest(incoming, client, arriving ?? sourceOf(proven ?? new Uint8Array(0)))
  const http = componentExchange(request, responder)
  const { spec } = target
  const payload = new Uint8Array(0)
  await run(new HttpInvocation({ outgoing, requestId, spec, payload, qualifier, http }), target)
  // What has gone out cannot be taken back: a body that is not whole was cut. Where nothing has, it is said.
  const { failure } = arriving ?? {}
  if (failure?.kind === 'too-large') throw new ThawError('RequestTooLarge', failure.message)
  send(outgoing, requestId, { ...failed, headers: [...failed.headers, ...(cors ?? [])] })
}

/** The host's own headers on what a component answers. */
function ownHeaders(outgoing: ServerResponse, requestId: string, cors: readonly string[] | undefined): HeaderList {
  const list: [string, string][] = [['x-amzn-requestid', requestId]]
  const clientId = clientRequestId(outgoing.req.headers)
  if (clientId !== undefined) list.push(['x-request-id', clientId])
  const pairs = cors ?? []
  for (let at = 0; at + 1 < pairs.length; at += 2) list.push([pairs[at] ?? '', pairs[at + 1] ?? ''])
  return list
}

interface InvocationParts {
  outgoing: ServerResponse
  requestId: string
  spec: FunctionSpec
  payload: Uint8Array
  qualifier: string
  http?: HttpExchange
  payloadStream?: PayloadStream | undefined
}

class HttpInvocation implements Invocation {
  readonly requestId: string
  readonly spec: FunctionSpec
  readonly payload: Uint8Array
  readonly invokedFunctionArn: string
  readonly clientContext = undefined
  readonly tenantId = undefined
  readonly traceId = undefined
  readonly http: HttpExchange | undefined
  readonly payloadStream: PayloadStream | undefined
  readonly #outgoing: ServerResponse
  #gone: AbortController | undefined

  constructor({ outgoing, requestId, spec, payload, qualifier, http, payloadStream }: InvocationParts) {
    this.http = http
    this.payloadStream = payloadStream
    this.#outgoing = outgoing
    this.requestId = requestId
    this.spec = spec
    this.payload = payload
    this.invokedFunctionArn = qualifier === latest ? spec.functionArn : `${spec.functionArn}:${qualifier}`
  }

  /** Made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#gone !== undefined) return this.#gone.signal
    const gone = new AbortController()
    this.#gone = gone
    const outgoing = this.#outgoing
    const { req } = outgoing
    if (outgoing.closed || (req.closed && !req.complete)) gone.abort()
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) gone.abort()
    })
    // Before the response's end is known to have been lost: by then the guest may have ended by that of the request.
    req.once('close', () => {
      if (!req.complete && !outgoing.writableEnded) gone.abort()
    })
    return gone.signal
  }
}

const failed: UrlResponse = {
  status: 502,
  headers: ['content-type', 'application/json'],
  body: Buffer.from('Internal Server Error'),
}

function send(
  outgoing: ServerResponse<IncomingMessage>,
  requestId: string,
  { status, headers, body }: UrlResponse,
): void {
  if (outgoing.headersSent || outgoing.destroyed) return
  const all = [...headers, 'x-amzn-requestid', requestId]
  const clientId = clientRequestId(outgoing.req.headers)
  const isOwn = headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'x-request-id')
  if (clientId !== undefined && !isOwn) all.push('x-request-id', clientId)
  // RFC 9110, section 8.6: of the response that has none, the length is not said.
  if (status !== 204 && status !== 304) all.push('content-length', String(body.length))
  outgoing.writeHead(status, all)
  outgoing.end(body)
}
