/** The Invoke route: HTTP to an Invocation and its result back. The hot path of the whole server. */
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Config } from '../config.ts'
import { ThawError, toWireError } from '../errors.ts'
import { parseFunctionRef } from '../functions/names.ts'
import { assertNoViolations, constraints } from '../functions/violations.ts'
import type { FunctionRuntime } from '../instance/runtime.ts'
import type { FunctionFailure, Invocation, InvocationReport, InvocationResult } from '../invocation.ts'
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
    const invocation: Invocation = {
      requestId,
      spec,
      payload: await readPayload(incoming, config.limits.payloadBytes, budget),
      invokedFunctionArn: qualifier === undefined ? spec.functionArn : `${spec.functionArn}:${qualifier}`,
      clientContext: clientContext(headers),
      tenantId: single(headers['x-amz-tenant-id']),
      traceId: single(headers['x-amzn-trace-id']),
      // Made when it is first asked for, which most invocations never do.
      get signal() {
        return c.req.raw.signal
      },
    }
    const result = await run(invocation)
    const log = invocationLog(invocation, result)
    telemetry.invoked(spec, result, log)
    return toResponse(invocation, result, began, headers['x-amz-log-type'] === 'Tail' ? log : undefined)
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

function toResponse({ requestId, spec }: Invocation, result: InvocationResult, began: number, tail?: string): Response {
  const { outcome, report } = result
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'x-amzn-requestid': requestId,
    'x-amz-executed-version': spec.version,
    'server-timing': serverTiming(report, performance.now() - began),
  }
  if (tail !== undefined) headers['x-amz-log-result'] = logTail(tail)
  if (outcome.kind === 'success') return new Response(asBody(outcome.payload), { headers })
  headers['x-amz-function-error'] = 'Unhandled'
  return new Response(failureJson(outcome.failure), { headers })
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

/** Never copied in practice: results are not on shared memory. */
function asBody(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return isPlain(payload) ? payload : new Uint8Array(payload)
}

function isPlain(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
}
