/** START, the guest's output, END and REPORT, as Lambda writes them (shared/lambda/README.md, "Logs"). */
import type { FunctionFailure, FunctionSpec, Invocation, InvocationResult } from '../invocation.ts'

/** AWS: `X-Amz-Log-Result` carries the last 4 KB. */
const tailBytes = 4_096

/** AWS bills by the millisecond, rounded up. */
export function billedMs(durationMs: number): number {
  return Math.ceil(durationMs)
}

/** The line with which the log of a new execution environment begins. It is no part of the invocation's own log. */
export function initStartLine({ runtime }: FunctionSpec): string {
  return `INIT_START Runtime Version: ${runtime}\n`
}

/** Whole lines. */
export function invocationLog({ requestId, spec }: Invocation, result: InvocationResult): string {
  const { report, outcome } = result
  let text = `START RequestId: ${requestId} Version: ${spec.version}\n`
  if (result.log !== '') text += result.log.endsWith('\n') ? result.log : `${result.log}\n`
  if (result.logDroppedBytes > 0) text += `[thaw] ${result.logDroppedBytes} bytes of log dropped: limit logBytes\n`
  if (outcome.kind === 'failure') text += failureLines(requestId, outcome.failure)
  text += `END RequestId: ${requestId}\nREPORT RequestId: ${requestId}\tDuration: ${report.durationMs.toFixed(2)} ms\tBilled Duration: ${billedMs(report.durationMs)} ms\tMemory Size: ${spec.memoryMb} MB\tMax Memory Used: ${Math.ceil(report.maxMemoryBytes / 1_048_576)} MB`
  if (report.initMs !== undefined) text += `\tInit Duration: ${report.initMs.toFixed(2)} ms`
  if (report.restoreMs !== undefined) text += `\tRestore Duration: ${report.restoreMs.toFixed(2)} ms`
  return `${text}\n`
}

/** The end of a log, in base64. A character cut in two at the start is left out. */
export function logTail(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= tailBytes) return bytes.toString('base64')
  let start = bytes.length - tailBytes
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++
  return bytes.toString('base64', start)
}

/** A timed-out function's message carries the request id already. */
function failureLines(requestId: string, { errorType, errorMessage, trace }: FunctionFailure): string {
  const named = errorMessage.includes(requestId) ? '' : `RequestId: ${requestId} `
  return `[ERROR] ${named}${errorType}: ${errorMessage}\n${(trace ?? []).map((line) => `${line}\n`).join('')}`
}
