/** An invocation's result as the answer to Invoke. */
import { isAscii } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { FunctionFailure, Invocation, InvocationReport, InvocationResult } from '../invocation.ts'
import { logTail } from './invocation-log.ts'

/** Ours: up to here a copy as text is cheaper than a second piece. */
const inOnePieceBytes = 65_536

/** `began`: `performance.now()` when the request was there. `log`: if its end is to be sent. */
export type Respond = (
  outgoing: ServerResponse,
  invocation: Invocation,
  result: InvocationResult,
  began: number,
  log: string | undefined,
) => Response | Promise<Response>

/**
 * The result, written straight to the response: a Response object would be taken apart again. A payload of ASCII goes as
 * text, as Node then sends it in one piece with the headers; in two pieces it costs half as much again.
 */
export const respond: Respond = (outgoing, { requestId, spec }, result, began, log) => {
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
  if (log !== undefined) headers.push('x-amz-log-result', logTail(log))
  if (failure !== undefined) headers.push('x-amz-function-error', 'Unhandled')
  outgoing.writeHead(200, headers)
  if (payload.length <= inOnePieceBytes && isAscii(payload))
    outgoing.end(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('latin1'), 'latin1')
  else outgoing.end(payload)
  return RESPONSE_ALREADY_SENT
}

export function serverTiming(report: InvocationReport, totalMs: number): string {
  let text = `start;desc=${report.start}`
  if (report.initMs !== undefined) text += `, init;dur=${report.initMs.toFixed(3)}`
  if (report.restoreMs !== undefined) text += `, restore;dur=${report.restoreMs.toFixed(3)}`
  return `${text}, run;dur=${report.durationMs.toFixed(3)}, total;dur=${totalMs.toFixed(3)}`
}

export function failureJson({ errorType, errorMessage, trace }: FunctionFailure): string {
  return JSON.stringify(trace === undefined ? { errorType, errorMessage } : { errorType, errorMessage, trace })
}
