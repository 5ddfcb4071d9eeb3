/**
 * Invocations that workers pass on: asynchronous ones, which are kept here before they are answered; those of another
 * account's function; and those that no worker can serve, whose callers learn why.
 */
import { randomUUID } from 'node:crypto'
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { AsyncQueue } from '../events/async/queue.ts'
import type { EventResult, InvokeFunction } from '../events/invoking.ts'
import type { Functions } from '../functions/functions.ts'
import type { FunctionRef } from '../functions/names.ts'
import { assertNoViolations, constraints } from '../functions/violations.ts'
import { clientContextOf } from './client-context.ts'
import type { Access, ApiContext, Handler, Handlers } from './context.ts'
import { createRefOf } from './request-parts.ts'

export interface InvocationHandlersOptions {
  functions: Pick<Functions, 'assertInvokable' | 'whyNotInvokable'>
  asyncQueue: Pick<AsyncQueue, 'accept'>
  invoke: InvokeFunction
  access: Pick<Access, 'assertAllowed'>
  config: Pick<Config, 'region' | 'limits'>
}

const invocationTypes = ['RequestResponse', 'Event', 'DryRun'] as const
type InvocationType = (typeof invocationTypes)[number]

/** AWS takes an invocation without a body for one with an empty event. */
const emptyEvent = Buffer.from('{}')

export function createInvocationHandlers(options: InvocationHandlersOptions): Handlers {
  const { functions, asyncQueue, invoke, access, config } = options
  const { limits } = config
  const refOf = createRefOf(access, config.region)

  /** Durable when it resolves. Returns the event's request id. */
  const keep = async (c: ApiContext, ref: FunctionRef): Promise<string> => {
    const payload = await readPayload(c, limits.asyncPayloadBytes, (bytes) =>
      tooLargeEvent(bytes, limits.asyncPayloadBytes),
    )
    const clientContext = clientContextOf(c.req.header('x-amz-client-context'))
    await functions.assertInvokable(ref)
    const { accountId, functionName, qualifier } = ref
    const requestId = randomUUID()
    await asyncQueue.accept({ accountId, functionName, qualifier, requestId, payload, clientContext, hops: 0 })
    return requestId
  }

  /** A function of another account that this caller may invoke. */
  const serve = async (c: ApiContext, ref: FunctionRef, type: InvocationType): Promise<Response> => {
    const { accountId, functionName, qualifier } = ref
    const payload = await readPayload(c, limits.payloadBytes, () => tooLarge(limits.payloadBytes))
    const clientContext = clientContextOf(c.req.header('x-amz-client-context'))
    if (type === 'DryRun') {
      await functions.assertInvokable(ref)
      return c.body(null, 204)
    }
    const requestId = randomUUID()
    const result = await invoke({
      accountId,
      functionName,
      qualifier,
      requestId,
      payload,
      clientContext,
      hops: 0,
      signal: c.req.raw.signal,
    })
    if (result.kind === 'missing') throw await functions.whyNotInvokable(ref)
    return answer(result, requestId)
  }

  return new Map<string, Handler>([
    [
      'Invoke',
      async (c) => {
        const type = invocationTypeOf(c.req.header('x-amz-invocation-type'))
        const ref = await refOf(c, 'InvokeFunction')
        if (type === 'Event') {
          const requestId = await keep(c, ref)
          return c.body(null, 202, { 'x-amzn-requestid': requestId })
        }
        if (ref.accountId !== c.get('caller').accountId) return serve(c, ref, type)
        throw await functions.whyNotInvokable(ref)
      },
    ],
    [
      'InvokeAsync',
      async (c) => {
        const requestId = await keep(c, await refOf(c, 'InvokeFunction'))
        return c.json({ Status: 202 }, 202, { 'x-amzn-requestid': requestId })
      },
    ],
    [
      'InvokeWithResponseStream',
      async (c) => {
        const ref = await refOf(c, 'InvokeFunction')
        if (ref.accountId !== c.get('caller').accountId) {
          await functions.assertInvokable(ref)
          throw new ThawError(
            'NotImplemented',
            "A response is not streamed from another account's function: use Invoke.",
          )
        }
        throw await functions.whyNotInvokable(ref)
      },
    ],
  ])
}

/** Errors: `Validation` for a type that does not exist. */
function invocationTypeOf(value: string | undefined): InvocationType {
  if (value === undefined) return 'RequestResponse'
  const known = invocationTypes.find((type) => type === value)
  if (known !== undefined) return known
  assertNoViolations([{ path: 'invocationType', value, constraint: constraints.oneOf(invocationTypes) }])
  throw new ThawError('Validation', 'There is no such invocation type.')
}

/** JSON. Errors: `InvalidRequestContent`, and that of `refuse` for more than `limitBytes`. */
async function readPayload(
  c: ApiContext,
  limitBytes: number,
  refuse: (bytes: number) => ThawError,
): Promise<Uint8Array> {
  // Before it is read: many at once would fill the memory.
  const declared = Number(c.req.header('content-length') ?? 0)
  if (declared > limitBytes) throw refuse(declared)
  const payload = new Uint8Array(await c.req.arrayBuffer())
  if (payload.length > limitBytes) throw refuse(payload.length)
  if (payload.length === 0) return emptyEvent
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload))
    return payload
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? cause.message : 'Invalid UTF-8'
    throw new ThawError('InvalidRequestContent', `Could not parse request body into json: ${reason}`, { cause })
  }
}

/** AWS's words. */
const tooLargeEvent = (bytes: number, limitBytes: number): ThawError =>
  new ThawError(
    'RequestTooLarge',
    `${bytes} byte payload is too large for the Event invocation type (limit ${limitBytes} bytes)`,
  )
const tooLarge = (limitBytes: number): ThawError =>
  new ThawError('RequestTooLarge', `Request must be smaller than ${limitBytes} bytes for the InvokeFunction operation`)

function answer(result: Exclude<EventResult, { kind: 'missing' }>, requestId: string): Response {
  if (result.kind === 'throttled') throw new ThawError('TooManyRequests', 'Rate Exceeded.', { reason: result.reason })
  if (result.kind === 'unavailable')
    throw new ThawError('Unavailable', 'The invocation was cut off by the platform: try again.')
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'x-amzn-requestid': requestId,
    'x-amz-executed-version': result.executedVersion,
  }
  if (result.kind === 'error') headers['x-amz-function-error'] = 'Unhandled'
  return new Response(new Uint8Array(result.payload), { status: 200, headers })
}
