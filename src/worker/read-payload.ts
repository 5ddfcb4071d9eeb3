import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { ThawError } from '../errors.ts'
import { bodyTooLong } from '../http/body.ts'
import { Pieces } from './edge/pieces.ts'
import { JsonValidator } from './json-validator.ts'

/** What all the bodies being read in one worker may hold together. */
export interface PayloadBudget {
  limitBytes: number
  usedBytes: number
}

/**
 * Ours: 64 synchronous payloads of the largest size. Concurrency is bounded by slots, but a slot is taken only once the
 * payload is there, so that slow senders hold none.
 */
export const payloadBudgetBytes = 64 * 6_291_456

/** Ours: the largest request that AWS takes anywhere, 70,167,211 bytes. */
const discardBytes = 70_167_211

/** AWS takes an invocation without a body for one with an empty event. */
const emptyEvent = Buffer.from('{}')

/** The body as it was sent, of what `readPayload` made of it. */
export function bodyOf(payload: Buffer): Buffer {
  return payload === emptyEvent ? Buffer.alloc(0) : payload
}

/** The caller went away while sending: there is nobody to answer. */
export class CallerGone extends Error {}

/**
 * The body of an Invoke request, whole, checked to be JSON while it arrives; owned by the caller.
 * Errors: `RequestTooLarge`, `InvalidRequestContent`, `TooManyRequests` (budget), CallerGone. On those, the rest of the
 * body is read and dropped.
 */
export function readPayload(incoming: IncomingMessage, limitBytes: number, budget: PayloadBudget): Promise<Buffer> {
  return read(incoming, limitBytes, budget, new JsonValidator())
}

/** As `readPayload`, of any bytes. */
export function readBody(incoming: IncomingMessage, limitBytes: number, budget: PayloadBudget): Promise<Buffer> {
  return read(incoming, limitBytes, budget, undefined)
}

function read(
  incoming: IncomingMessage,
  limitBytes: number,
  budget: PayloadBudget,
  validator: JsonValidator | undefined,
): Promise<Buffer> {
  if (declaredBytes(incoming) > limitBytes) {
    discard(incoming)
    return Promise.reject(tooLarge(limitBytes))
  }
  return new Promise((resolve, reject) => {
    const pieces = new Pieces()
    let bytes = 0

    const settle = (): void => {
      budget.usedBytes -= bytes
      incoming.off('data', onData)
      incoming.off('end', onEnd)
      incoming.off('close', onGone)
      incoming.off('error', onGone)
    }
    const fail = (error: Error): void => {
      settle()
      discard(incoming)
      reject(error)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      budget.usedBytes += chunk.length
      if (bytes > limitBytes) fail(tooLarge(limitBytes))
      else if (budget.usedBytes > budget.limitBytes) fail(outOfBudget(budget.limitBytes))
      else if (validator?.push(chunk) === false) fail(notJson(validator.end() ?? ''))
      else pieces.push(chunk)
    }
    const onEnd = (): void => {
      settle()
      const body = pieces.concat()
      if (validator === undefined) return resolve(body)
      if (bytes === 0) return resolve(emptyEvent)
      const problem = validator.end() ?? (isUtf8(body) ? undefined : 'Invalid UTF-8')
      if (problem === undefined) resolve(body)
      else reject(notJson(problem))
    }
    const onGone = (): void => {
      settle()
      reject(new CallerGone('The caller closed the connection while sending the payload.'))
    }

    incoming.on('data', onData)
    incoming.on('end', onEnd)
    incoming.on('close', onGone)
    incoming.on('error', onGone)
  })
}

/** Of a body that is to be streamed, by its head. Errors: `RequestTooLarge`; the body is read and dropped then. */
export function assertStreamable(incoming: IncomingMessage, limitBytes: number): void {
  if (declaredBytes(incoming) <= limitBytes) return
  discard(incoming)
  throw new ThawError('RequestTooLarge', bodyTooLong('request', limitBytes).message)
}

function declaredBytes({ headers }: IncomingMessage): number {
  return Number(headers['content-length'] ?? 0)
}

/**
 * Reads the rest of a refused body and keeps nothing of it: a client that is still sending would otherwise be cut off
 * before it could read why. Up to a limit, then the connection goes. Who waits to be told to go on (`Expect`) is not
 * told so by the reading; that connection ends with the answer.
 */
function discard(incoming: IncomingMessage): void {
  if (incoming.headers.expect !== undefined && incoming.readableFlowing === null) return
  let leftBytes = discardBytes
  incoming.on('data', (chunk: Buffer) => {
    leftBytes -= chunk.length
    if (leftBytes < 0) incoming.destroy()
  })
  incoming.on('error', () => {})
}

/** AWS's words. */
function tooLarge(limitBytes: number): ThawError {
  return new ThawError(
    'RequestTooLarge',
    `Request must be smaller than ${limitBytes} bytes for the InvokeFunction operation`,
  )
}

function notJson(problem: string): ThawError {
  return new ThawError('InvalidRequestContent', `Could not parse request body into json: ${problem}`)
}

function outOfBudget(limitBytes: number): ThawError {
  return new ThawError('TooManyRequests', `Rate Exceeded. Payloads being received hold ${limitBytes} bytes.`, {
    reason: 'CallerRateLimitExceeded',
  })
}
