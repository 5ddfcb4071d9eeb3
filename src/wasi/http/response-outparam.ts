/** wasi:http/types `response-outparam`: where the guest's answer goes. */
import { BodyError } from '../../http/body.ts'
import { borrow, own } from '../abi/handles.ts'
import { u16 } from '../abi/scalars.ts'
import { ok, result } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { define } from '../state.ts'
import type { HostFunction, HostState } from '../state.ts'
import { errorCode } from './abi.ts'
import { contentLength } from './content-length.ts'
import type { ErrorCode } from './error-code.ts'
import type { Fields, OutgoingResponse, ResponseOutparam } from './resources.ts'

/** At once: the guest writes the body after it. */
function set({ invocation }: HostState, { exchange }: ResponseOutparam, answer: Result<OutgoingResponse, ErrorCode>) {
  if (answer.tag === 'err') {
    exchange.failed(answer.val.tag, textOf(answer.val))
    return
  }
  const { status, map, pipe } = answer.val
  const [length, headers] = [contentLength(map), map.toList()]
  map.release()
  if (status < 200 || length === 'invalid') {
    const what = status < 200 ? `status ${status} is not of a final response` : 'the content-length is invalid'
    pipe?.fail(what)
    exchange.failed('HTTP-protocol-error', what)
    return
  }
  const sink = exchange.responder.respond({ status, headers })
  const bodiless = invocation.http?.request.method === 'HEAD' || status === 204 || status === 304
  if (pipe !== undefined) pipe.connect(sink)
  else if (bodiless || length === undefined || length === 0n) sink.end()
  else sink.fail(new BodyError('protocol', `the response has no body, its content-length says ${length}`))
}

/** What an error says more than its name. */
export function textOf(code: ErrorCode): string | undefined {
  if (!('val' in code) || code.val === undefined) return undefined
  if (typeof code.val !== 'object') return String(code.val)
  const said = Object.entries(code.val).filter(([, value]) => value !== undefined)
  return said.map(([name, value]) => `${name} ${value}`).join(', ') || undefined
}

/** Unstable in WASI 0.2 (informational-outbound-responses). */
function inform({ exchange }: ResponseOutparam, status: number, fields: Fields): Result<undefined, ErrorCode> {
  const headers = fields.map.toList()
  fields.release?.()
  // 101 would take the connection over.
  if (status < 100 || status > 199 || status === 101) return { tag: 'err', val: { tag: 'HTTP-protocol-error' } }
  exchange.responder.inform({ status, headers })
  return ok(undefined)
}

export const responseOutparam: Record<string, HostFunction> = {
  '[static]response-outparam.set': define(
    [own('response-outparam'), result<OutgoingResponse, ErrorCode>(own('outgoing-response'), errorCode)],
    undefined,
    set,
  ),
  '[method]response-outparam.send-informational': define(
    [borrow('response-outparam'), u16, own('fields')],
    result<undefined, ErrorCode>(undefined, errorCode),
    (_state, param, status, fields) => inform(param, status, fields),
  ),
}
