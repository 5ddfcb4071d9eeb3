/** The Invoke route: HTTP to an Invocation and its result back. The hot path of the whole server. */
import { randomUUID } from 'node:crypto'
import { isAscii } from 'node:buffer'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { Config } from '../config.ts'
import { ThawError, toWireError } from '../errors.ts'
import { parseFunctionRef } from '../functions/names.ts'
import { assertNoViolations, constraints } from '../functions/violations.ts'
import type { FunctionRuntime } from '../instance/runtime.ts'
import type { FunctionFailure, FunctionSpec, Invocation, InvocationReport, InvocationResult } from '../invocation.ts'
import type { ConcurrencySlots } from '../memory/slots.ts'
import type { Forwarder } from './forward.ts'
import { invocationLog, logTail } from './invocation-log.ts'
import { CallerGone, payloadBudgetBytes, readPayload, type PayloadBudget } from './read-payload.ts'
import type { Deployed, SpecTable } from './spec-table.ts'
import type { Telemetry } from './telemetry.ts'

export type WorkerContext = Context<{ Bindings: HttpBindings }>

/** Part of a runtime that answers invocations. */
export type Invoker = Pick<FunctionRuntime, 'invoke'>

export interface InvokeOptions {
  table: SpecTable
  runtime: Invoker
  slots: ConcurrencySlots
  /** What this worker's slots are held by. */
  incarnation: number
  telemetry: Telemetry
  forwarder: Forwarder
  config: Config
  controllerSocketPath: string
  /** True in the quarantine worker, which runs what the others hand on. */
  runsQuarantined(): boolean
  /** An invocation failed by a defect of the platform, not of the function. */
  onDefect(error: unknown, requestId: string): void
}

/** AWS: 3,583 bytes of base64. */
const clientContextLimit = 3_583
const invocationTypes = ['RequestResponse', 'Event', 'DryRun'] as const
/** Ours: up to here a copy as text is cheaper than a second piece. */
const inOnePieceBytes = 65_536
const jsonHeaders = { 'content-type': 'application/json' }

export function createInvokeHandler(options: InvokeOptions): (c: WorkerContext) => Promise<Response> {
  const { table, runtime, slots, incarnation, telemetry, forwarder, config, controllerSocketPath } = options
  const budget: PayloadBudget = { limitBytes: payloadBudgetBytes, usedBytes: 0 }

  const find = (c: WorkerContext, url: string): { deployed: Deployed | undefined; qualifier: string | undefined } => {
    const name = c.req.param('name') ?? ''
    const plain = url.includes('?') ? undefined : table.find(name)
    if (plain !== undefined) return { deployed: plain, qualifier: undefined }
    const ref = parseFunctionRef(name, c.req.query('Qualifier'), config)
    const deployed = table.find(ref.functionName, ref.qualifier, ref.accountId)
    return { deployed, qualifier: ref.explicitQualifier }
  }

  const run = async (invocation: Invocation): Promise<InvocationResult> => {
    const slot = slots.acquire(incarnation)
    if (slot === -1) {
      telemetry.throttled(invocation.spec)
      throw new ThawError('TooManyRequests', 'Rate Exceeded.', { reason: 'ConcurrentInvocationLimitExceeded' })
    }
    try {
      return await runtime.invoke(invocation)
    } finally {
      slots.release(slot, incarnation)
    }
  }

  const answer = async (c: WorkerContext, requestId: string): Promise<Response> => {
    const began = performance.now()
    const { incoming, outgoing } = c.env
    const { deployed, qualifier } = find(c, incoming.url ?? '')
    // The controller knows why it is not here: no such function, no such version, not yet active.
    if (deployed === undefined) return forwarder.forward(incoming, outgoing, controllerSocketPath)
    if (deployed.via !== undefined && !options.runsQuarantined())
      return forwarder.forward(incoming, outgoing, deployed.via)
    const { spec } = deployed
    const { headers } = incoming
    if (!isRequestResponse(headers)) {
      if (headers['x-amz-invocation-type'] === 'Event')
        throw new ThawError('NotImplemented', 'Asynchronous invocation (InvocationType Event) is not implemented.')
      const dryRun = { 'x-amzn-requestid': requestId, 'x-amz-executed-version': spec.version }
      return new Response(null, { status: 204, headers: dryRun })
    }
    const invocation = new InvokeRequest(
      c,
      requestId,
      spec,
      await readPayload(incoming, config.limits.payloadBytes, budget),
      qualifier === undefined ? spec.functionArn : `${spec.functionArn}:${qualifier}`,
    )
    const result = await run(invocation)
    const log = invocationLog(invocation, result)
    telemetry.invoked(spec, result, log)
    return respond(outgoing, invocation, result, began, headers['x-amz-log-type'] === 'Tail' ? log : undefined)
  }

  return async (c) => {
    const requestId = randomUUID()
    try {
      return await answer(c, requestId)
    } catch (error) {
      // Nobody is there to read it; the status is nginx's for this.
      if (error instanceof CallerGone) return new Response(null, { status: 499 })
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

/** An Invoke request as an Invocation. */
class InvokeRequest implements Invocation {
  readonly requestId: string
  readonly spec: FunctionSpec
  readonly payload: Uint8Array
  readonly invokedFunctionArn: string
  readonly clientContext: string | undefined
  readonly tenantId: string | undefined
  readonly traceId: string | undefined
  readonly #context: WorkerContext

  constructor(
    c: WorkerContext,
    requestId: string,
    spec: FunctionSpec,
    payload: Uint8Array,
    invokedFunctionArn: string,
  ) {
    const { headers } = c.env.incoming
    this.#context = c
    this.requestId = requestId
    this.spec = spec
    this.payload = payload
    this.invokedFunctionArn = invokedFunctionArn
    this.clientContext = clientContext(headers)
    this.tenantId = single(headers['x-amz-tenant-id'])
    this.traceId = single(headers['x-amzn-trace-id'])
  }

  /** Made when it is first asked for, which most invocations never do. */
  get signal(): AbortSignal {
    return this.#context.req.raw.signal
  }
}

/** Errors: `Validation` for a type that does not exist. */
function isRequestResponse(headers: IncomingHttpHeaders): boolean {
  const value = headers['x-amz-invocation-type']
  if (value === undefined || value === 'RequestResponse') return true
  const known = invocationTypes.some((type) => type === value)
  if (!known) assertNoViolations([{ path: 'invocationType', value, constraint: constraints.oneOf(invocationTypes) }])
  return false
}

/** The JSON text. Errors: `InvalidRequestContent`. */
function clientContext(headers: IncomingHttpHeaders): string | undefined {
  const encoded = single(headers['x-amz-client-context'])
  if (encoded === undefined) return undefined
  if (encoded.length > clientContextLimit)
    throw new ThawError(
      'InvalidRequestContent',
      `Client context must be at most ${clientContextLimit} bytes of Base64, it has ${encoded.length}.`,
    )
  const text = Buffer.from(encoded, 'base64').toString()
  try {
    JSON.parse(text)
    return text
  } catch (cause) {
    throw new ThawError('InvalidRequestContent', 'Client context must be a valid Base64-encoded JSON object.', {
      cause,
    })
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}

/**
 * The result, written straight to the response: a Response object would be taken apart again. A payload of ASCII goes as
 * text, as Node then sends it in one piece with the headers; in two pieces it costs half as much again.
 */
function respond(
  outgoing: ServerResponse,
  { requestId, spec }: Invocation,
  result: InvocationResult,
  began: number,
  tail?: string,
): Response {
  const { outcome, report } = result
  const failure = outcome.kind === 'failure' ? failureJson(outcome.failure) : undefined
  const payload = outcome.kind === 'success' ? outcome.payload : Buffer.from(failure ?? '')
  const headers = [
    'content-type',
    'application/json',
    'content-length',
    String(payload.length),
    'x-amzn-requestid',
    requestId,
    'x-amz-executed-version',
    spec.version,
    'server-timing',
    serverTiming(report, performance.now() - began),
  ]
  if (tail !== undefined) headers.push('x-amz-log-result', logTail(tail))
  if (failure !== undefined) headers.push('x-amz-function-error', 'Unhandled')
  outgoing.writeHead(200, headers)
  if (payload.length <= inOnePieceBytes && isAscii(payload))
    outgoing.end(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('latin1'), 'latin1')
  else outgoing.end(payload)
  return RESPONSE_ALREADY_SENT
}

function serverTiming(report: InvocationReport, totalMs: number): string {
  let text = `start;desc=${report.start}`
  if (report.initMs !== undefined) text += `, init;dur=${report.initMs.toFixed(3)}`
  if (report.restoreMs !== undefined) text += `, restore;dur=${report.restoreMs.toFixed(3)}`
  return `${text}, run;dur=${report.durationMs.toFixed(3)}, total;dur=${totalMs.toFixed(3)}`
}

function failureJson({ errorType, errorMessage, trace }: FunctionFailure): string {
  return JSON.stringify(trace === undefined ? { errorType, errorMessage } : { errorType, errorMessage, trace })
}
