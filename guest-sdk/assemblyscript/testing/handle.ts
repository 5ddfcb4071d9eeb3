/** A call of the exported `handle`: event and context into the guest's memory, its answer out of it; or a request. */
import type { GuestExports } from './guest-memory.ts'
import type { Host } from './host.ts'
import { incomingOf, type IncomingParts, type Reply } from './http.ts'

export interface CoreExports extends GuestExports {
  /**
   * By the canonical ABI: a pointer to the arguments and one to the result (`handle` in guest-sdk/wit/function.wit), or
   * the handles of a request and of where its response goes (wasi:http/incoming-handler).
   */
  handle(args: number, responseOut?: number): number
}

/** Members as in `Context`; those left out have values that a test recognizes. */
export interface GuestContext {
  awsRequestId?: string
  functionName?: string
  functionVersion?: string
  invokedFunctionArn?: string
  memoryLimitInMB?: number
  logGroupName?: string
  logStreamName?: string
  /** Milliseconds. */
  remainingTimeInMillis?: number
  clientContext?: string
  tenantId?: string
  traceId?: string
}

export interface Outcome {
  /** The payload, parsed; undefined after a failure. */
  value: unknown
  /** What `fail` reported; `Runtime.Trap` after `throw`, whose reason is in the log. */
  failure: { errorType: string; errorMessage: string } | undefined
  /** What the invocation logged. */
  log: string
}

export function handle(guest: CoreExports, host: Host, event: unknown, context: GuestContext = {}): Outcome {
  const args = guest.cabi_realloc(0, 0, 8, 108)
  const { memory } = host
  const putText = (at: number, text: string) => memory.putList(at, text)
  const putOptional = (at: number, text: string | undefined): void => {
    memory.view.setUint8(at, text === undefined ? 0 : 1)
    if (text !== undefined) putText(at + 4, text)
  }
  const functionName = context.functionName ?? 'test'
  putText(args, event === undefined ? '' : JSON.stringify(event))
  putText(args + 8, context.awsRequestId ?? '00000000-0000-4000-8000-000000000000')
  putText(args + 16, functionName)
  putText(args + 24, context.functionVersion ?? '$LATEST')
  putText(args + 32, context.invokedFunctionArn ?? `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`)
  putText(args + 44, context.logGroupName ?? `/aws/lambda/${functionName}`)
  putText(args + 52, context.logStreamName ?? 'test')
  putOptional(args + 72, context.clientContext)
  putOptional(args + 84, context.tenantId)
  putOptional(args + 96, context.traceId)
  const { view } = memory
  view.setUint32(args + 40, context.memoryLimitInMB ?? 128, true)
  view.setBigUint64(args + 64, BigInt(Math.floor(host.now() + (context.remainingTimeInMillis ?? 3_000))), true)
  return outcomeOf(guest, host, args)
}

/** What the function answered to a request; `reply` is undefined after a failure. */
export interface HttpOutcome extends Omit<Outcome, 'value'> {
  reply: Reply | undefined
}

export function request(guest: CoreExports, host: Host, parts: IncomingParts): HttpOutcome {
  const [incoming, outparam] = host.http.open(incomingOf(parts))
  const failure = trapOf(() => guest.handle(incoming, outparam))
  return { reply: failure === undefined ? host.http.reply(outparam) : undefined, failure, log: host.takeLog() }
}

function outcomeOf(guest: CoreExports, host: Host, args: number): Outcome {
  let result = 0
  const trap = trapOf(() => {
    result = guest.handle(args)
  })
  if (trap !== undefined) return { value: undefined, failure: trap, log: host.takeLog() }
  const { view } = host.memory
  const textAt = (at: number): string => host.memory.text(view.getUint32(at, true), view.getUint32(at + 4, true))
  const failure =
    view.getUint8(result) === 0 ? undefined : { errorType: textAt(result + 4), errorMessage: textAt(result + 12) }
  const text = failure === undefined ? textAt(result + 4) : ''
  return { value: text === '' ? undefined : JSON.parse(text), failure, log: host.takeLog() }
}

function trapOf(call: () => void): Outcome['failure'] {
  try {
    call()
    return undefined
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error
    return { errorType: 'Runtime.Trap', errorMessage: error.message }
  }
}
