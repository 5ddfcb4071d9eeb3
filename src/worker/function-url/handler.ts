/** Requests to function URLs: who may, the event, the invocation, the response. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Config } from '../../config.ts'
import { toWireError } from '../../errors.ts'
import type { FunctionUrlRoute } from '../../functions/collaborators.ts'
import { functionArn } from '../../functions/names.ts'
import { isAllowed } from '../../identity/policy.ts'
import type { Caller } from '../../identity/request.ts'
import { latest } from '../../store/records.ts'
import type { FunctionSpec, Invocation } from '../../invocation.ts'
import type { WorkerAccess } from '../access.ts'
import type { Forwarder } from '../forward.ts'
import { CallerGone, readBody, type PayloadBudget } from '../read-payload.ts'
import type { Runner } from '../runner.ts'
import type { SpecTable } from '../spec-table.ts'
import { corsHeaders, isPreflight, withoutCors } from './cors.ts'
import { urlEvent } from './event.ts'
import { urlResponse, type UrlResponse } from './response.ts'

export interface FunctionUrlOptions {
  table: SpecTable
  run: Runner
  access: WorkerAccess
  forwarder: Forwarder
  config: Config
  budget: PayloadBudget
  runsQuarantined(): boolean
  onDefect(error: unknown, requestId: string): void
}

export type FunctionUrlHandler = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>

const idLength = 32

/** Whether a request is to a function URL, by its Host: `<32 letters and digits>.lambda-url.<anything>`, or as configured. */
export function createUrlHostTest({ functionUrlBase }: Pick<Config, 'functionUrlBase'>): (host?: string) => boolean {
  const label = '.lambda-url.'
  if (functionUrlBase === undefined) return (host) => host?.startsWith(label, idLength) === true
  const own = functionUrlBase.includes('://') ? new URL(functionUrlBase).hostname : functionUrlBase
  return (host) => host !== undefined && (host.startsWith(label, idLength) || host.startsWith(`.${own}`, idLength))
}

/** AWS's words, and where it says more. */
const forbidden = {
  Message:
    'Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html',
}

export function createFunctionUrlHandler(options: FunctionUrlOptions): FunctionUrlHandler {
  const { table, run, access, forwarder, config, budget } = options

  const mayInvoke = (caller: Caller | undefined, route: FunctionUrlRoute): boolean => {
    if (caller === undefined) return false
    const { accountId, functionName, qualifier, statements } = route
    if (caller.accountId === accountId) return true
    const { region } = config
    return isAllowed(statements, {
      principal: { account: caller.accountId },
      action: 'lambda:InvokeFunctionUrl',
      resource: functionArn({ accountId, region }, functionName, qualifier === latest ? undefined : qualifier),
      context: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' },
    })
  }

  /** Errors: CallerGone, `RequestTooLarge`, `TooManyRequests`, those of signatures, and of the runtime. */
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse, requestId: string): Promise<void> => {
    const receivedAt = new Date()
    const route = table.url(incoming.headers.host?.slice(0, idLength) ?? '')
    if (route === undefined) return send(outgoing, requestId, refusal({ Message: null }))
    const cors = route.cors === undefined ? [] : corsHeaders(route.cors, incoming)
    if (route.cors !== undefined && isPreflight(incoming))
      return send(outgoing, requestId, { status: 200, headers: cors, body: Buffer.alloc(0) })
    const account = route.authType === 'NONE' ? undefined : access.signerOf(incoming)
    if (!(route.authType === 'NONE' ? route.isPublic : mayInvoke(account, route)))
      return send(outgoing, requestId, refusal(forbidden))
    const target = table.find(route.accountId, route.functionName, route.qualifier)
    if (target?.via !== undefined && !options.runsQuarantined()) {
      await forwarder.forward(incoming, outgoing, target.via, { trusted: false })
      return
    }
    // Not active yet, or never to be: there is nothing that could answer.
    if (target === undefined) return send(outgoing, requestId, failed)
    const body = await readBody(incoming, config.limits.payloadBytes, budget)
    if (account !== undefined) await access.verify?.(incoming, body, account.accountId)
    const payload = urlEvent(route, { incoming, body, requestId, receivedAt, signer: account })
    const { result } = await run(new UrlInvocation({ outgoing, requestId, spec: target.spec, payload, route }), target)
    const { outcome } = result
    const response = (outcome.kind === 'success' ? urlResponse(outcome.payload) : undefined) ?? failed
    const own = route.cors === undefined ? response.headers : withoutCors(response.headers)
    return send(outgoing, requestId, { ...response, headers: [...own, ...cors] })
  }

  return async (incoming, outgoing) => {
    const requestId = randomUUID()
    try {
      await answer(incoming, outgoing, requestId)
    } catch (error) {
      if (error instanceof CallerGone) return
      const { status, type, body } = toWireError(error)
      if (status === 500) options.onDefect(error, requestId)
      const headers = ['content-type', 'application/json', 'x-amzn-errortype', type]
      send(outgoing, requestId, { status, headers, body: Buffer.from(JSON.stringify(body)) })
    }
  }
}

interface UrlInvocationParts {
  outgoing: ServerResponse
  requestId: string
  spec: FunctionSpec
  payload: Uint8Array
  route: FunctionUrlRoute
}

class UrlInvocation implements Invocation {
  readonly requestId: string
  readonly spec: FunctionSpec
  readonly payload: Uint8Array
  readonly invokedFunctionArn: string
  readonly clientContext = undefined
  readonly tenantId = undefined
  readonly traceId = undefined
  readonly #outgoing: ServerResponse
  #gone: AbortController | undefined

  constructor({ outgoing, requestId, spec, payload, route }: UrlInvocationParts) {
    this.#outgoing = outgoing
    this.requestId = requestId
    this.spec = spec
    this.payload = payload
    this.invokedFunctionArn = route.qualifier === latest ? spec.functionArn : `${spec.functionArn}:${route.qualifier}`
  }

  /** Made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#gone !== undefined) return this.#gone.signal
    const gone = new AbortController()
    this.#gone = gone
    if (this.#outgoing.closed) gone.abort()
    this.#outgoing.once('close', () => {
      if (!this.#outgoing.writableFinished) gone.abort()
    })
    return gone.signal
  }
}

const failed: UrlResponse = {
  status: 502,
  headers: ['content-type', 'application/json'],
  body: Buffer.from('Internal Server Error'),
}

function refusal(message: { Message: string | null }): UrlResponse {
  return {
    status: 403,
    headers: ['content-type', 'application/json', 'x-amzn-errortype', 'AccessDeniedException'],
    body: Buffer.from(JSON.stringify(message)),
  }
}

function send(outgoing: ServerResponse, requestId: string, { status, headers, body }: UrlResponse): void {
  if (outgoing.headersSent || outgoing.destroyed) return
  outgoing.writeHead(status, [...headers, 'x-amzn-requestid', requestId, 'content-length', String(body.length)])
  outgoing.end(body)
}
