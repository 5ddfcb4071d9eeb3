/** The Invoke routes: HTTP to an Invocation and its result back. The hot path of the whole server. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Config } from '../config.ts'
import { toWireError } from '../errors.ts'
import type { Invocation } from '../invocation.ts'
import { functionNotFound, parseFunctionRef } from '../functions/names.ts'
import type { WorkerAccess } from './access.ts'
import { respond } from './answers.ts'
import type { Forwarder } from './forward.ts'
import { internalCaller, type InternalCaller } from './internal-headers.ts'
import { InvokeRequest, invocationType, type WorkerContext } from './invoke-request.ts'
import { bodyOf, CallerGone, readPayload, type PayloadBudget } from './read-payload.ts'
import type { Runner } from './runner.ts'
import type { Target } from './served-function.ts'
import type { SpecTable } from './spec-table.ts'
import type { StreamedAnswer } from './stream-answer.ts'
import { openExchange } from './streaming/event-exchange.ts'

export interface InvokeOptions {
  table: SpecTable
  run: Runner
  access: WorkerAccess
  forwarder: Forwarder
  config: Config
  budget: PayloadBudget
  controllerSocketPath: string
  /** Behind a private socket, where the controller's word is taken (internal-headers.ts). */
  isPrivate: boolean
  /** True in the quarantine worker, which runs what the others hand on. */
  runsQuarantined(): boolean
  /** An invocation failed by a defect of the platform, not of the function. */
  onDefect(error: unknown, requestId: string): void
}

const jsonHeaders = { 'content-type': 'application/json' }

export interface InvokeRoute {
  /** Values of `X-Amz-Invocation-Type` besides the default, `RequestResponse`. */
  types: readonly ('RequestResponse' | 'Event' | 'DryRun')[]
  /** For answers that begin before the function has ended. Left out: the answer is the payload, whole. */
  open?: (outgoing: ServerResponse<IncomingMessage>, invocation: Invocation) => Promise<StreamedAnswer>
}

export function createInvokeHandler(
  options: InvokeOptions,
  route: InvokeRoute,
): (c: WorkerContext) => Promise<Response> {
  const { table, run, access, forwarder, config, budget, controllerSocketPath, isPrivate } = options

  const find = (c: WorkerContext, accountId: string): { target: Target | undefined; qualifier: string | undefined } => {
    const name = c.req.param('name') ?? ''
    const plain = c.env.incoming.url?.includes('?') ? undefined : table.find(accountId, name)
    if (plain !== undefined) return { target: plain, qualifier: undefined }
    const ref = parseFunctionRef(name, c.req.query('Qualifier'), { accountId, region: config.region })
    // Another account's function: whether this caller may is for the controller to say.
    const target = ref.accountId === accountId ? table.find(accountId, ref.functionName, ref.qualifier) : undefined
    if (target === undefined && isPrivate && internalCaller(c.env.incoming.headers) !== undefined)
      throw functionNotFound(config.region, ref, ref.qualifier)
    return { target, qualifier: ref.explicitQualifier }
  }

  const hand = (c: WorkerContext, socketPath: string, internal: InternalCaller | undefined): Promise<Response> =>
    forwarder.forward(c.env.incoming, c.env.outgoing, socketPath, { trusted: internal !== undefined })

  const answer = async (c: WorkerContext, ownId: string): Promise<Response> => {
    const began = performance.now()
    const { incoming, outgoing } = c.env
    const internal = isPrivate ? internalCaller(incoming.headers) : undefined
    const type = invocationType(incoming, route.types)
    const accountId = internal === undefined ? access.accountOf(incoming) : internal.accountId
    // The controller keeps events, and knows who the caller is, or is not.
    if (type === 'Event' || accountId === undefined) return hand(c, controllerSocketPath, internal)
    const { target, qualifier } = find(c, accountId)
    // The controller knows why it is not here: no such function, no such version, not yet active.
    if (target === undefined) return hand(c, controllerSocketPath, internal)
    if (target.via !== undefined && !options.runsQuarantined()) return hand(c, target.via, internal)
    const { spec } = target
    const payload = await readPayload(incoming, config.limits.payloadBytes, budget)
    if (internal === undefined && access.verify !== undefined) await access.verify(incoming, bodyOf(payload), accountId)
    const requestId = internal?.requestId ?? ownId
    if (type === 'DryRun') return new Response(null, { status: 204, headers: { 'x-amzn-requestid': requestId } })
    const arn = qualifier === undefined ? spec.functionArn : `${spec.functionArn}:${qualifier}`
    const invocation = new InvokeRequest(c, requestId, spec, payload, arn, internal?.hops ?? 0)
    const answered = await route.open?.(outgoing, invocation)
    invocation.payloadStream = answered?.payloadStream
    const wanted = incoming.headers['x-amz-log-type'] === 'Tail'
    const exchange = spec.entry === undefined ? undefined : openExchange(invocation, config.limits.responseBytes)
    const { result, log } = await run(invocation, target)
    const tail = wanted ? log : undefined
    if (answered !== undefined) return answered.complete(result, began, tail)
    return respond(outgoing, invocation, exchange === undefined ? result : exchange.resultOf(result), began, tail)
  }

  return async (c) => {
    const requestId = randomUUID()
    try {
      return await answer(c, requestId)
    } catch (error) {
      // Nobody is there to read it, or the edge has answered; the status is nginx's for this.
      if (error instanceof CallerGone)
        return c.env.outgoing.headersSent ? RESPONSE_ALREADY_SENT : new Response(null, { status: 499 })
      const wire = toWireError(error)
      if (wire.status === 500) options.onDefect(error, requestId)
      return new Response(JSON.stringify(wire.body), {
        status: wire.status,
        headers: {
          ...jsonHeaders,
          'x-amzn-errortype': wire.type,
          'x-amzn-requestid': requestId,
        },
      })
    }
  }
}
