/** wasi:http/handler 0.3: the host's side of the request that the guest answers. */
import { own } from '../abi/handles.ts'
import { result } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { errorCode } from '../http/abi.ts'
import { contentLength } from '../http/content-length.ts'
import type { ErrorCode } from '../http/error-code.ts'
import { textOf } from '../http/response-outparam.ts'
import type { HostState } from '../state.ts'
import { deliver, MeasuredSink } from './delivery.ts'
import type { Response } from './resources.ts'

export type Answer = Result<Response, ErrorCode>

/** What `handle` returns. */
export const answerType = result<Response, ErrorCode>(own('response'), errorCode)

/** The head goes out at once, the body as it comes. */
export function answer(state: HostState, answer: Answer): void {
  const { http } = state.invocation
  if (http === undefined) return
  if (answer.tag === 'err') {
    http.failed(answer.val.tag, textOf(answer.val))
    return
  }
  const { status, map } = answer.val
  const [length, headers] = [contentLength(map), map.toList()]
  if (status < 200 || length === 'invalid') {
    answer.val.release?.()
    http.failed(
      'HTTP-protocol-error',
      status < 200 ? `status ${status} is not of a final response` : 'the content-length is invalid',
    )
    return
  }
  map.release()
  // Of these the length is that of a body which is not sent.
  const bodiless = http.request.method === 'HEAD' || status === 204 || status === 304
  const sink = new MeasuredSink(http.responder.respond({ status, headers }), bodiless ? undefined : length)
  deliver(state, answer.val, sink, 'response')
}
