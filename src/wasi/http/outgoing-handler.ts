/** wasi:http/outgoing-handler: requests to where the function's egress rules let it. */
import { own } from '../abi/handles.ts'
import { ok, option, result } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { EgressError } from '../../http/egress.ts'
import type { EgressClient, EgressTimeouts } from '../../http/egress.ts'
import type { HttpRequestHead } from '../../http/message.ts'
import { define } from '../state.ts'
import type { HostInterfaces, HostState } from '../state.ts'
import { errorCode } from './abi.ts'
import { contentLength } from './content-length.ts'
import type { ErrorCode } from './error-code.ts'
import { codeOfEgress } from './errors.ts'
import { methodName } from './message-types.ts'
import { newFutureIncomingResponse } from './resources.ts'
import type { FutureIncomingResponse, OutgoingRequest, RequestOptions } from './resources.ts'
import { ResponseFuture } from './response-future.ts'

type HeadParts = Pick<OutgoingRequest, 'map' | 'method' | 'scheme' | 'authority' | 'pathWithQuery'>
type Answer = Result<FutureIncomingResponse, ErrorCode>

function handle({ invocation }: HostState, request: OutgoingRequest, options: RequestOptions | undefined): Answer {
  const head = requestHead(request, request.pipe !== undefined)
  const answer: Answer =
    invocation.egress === undefined
      ? refused({ tag: 'HTTP-request-denied' })
      : 'tag' in head
        ? refused(head)
        : send(invocation.egress, head, request, timeoutsOf(options))
  request.map.release()
  if (answer.tag === 'err') request.pipe?.fail('the request of this body was refused')
  return answer
}

function send(
  egress: EgressClient,
  head: HttpRequestHead,
  { pipe }: OutgoingRequest,
  timeouts: EgressTimeouts,
): Answer {
  try {
    const exchange = egress.send(head, { timeouts, hasBody: pipe !== undefined && !pipe.isEmpty })
    const future = new ResponseFuture(exchange)
    if (pipe === undefined) exchange.body.end()
    else pipe.connect(exchange.body)
    return ok(newFutureIncomingResponse(future))
  } catch (error) {
    if (error instanceof EgressError) return refused(codeOfEgress(error))
    throw error
  }
}

function refused(val: ErrorCode): Answer {
  return { tag: 'err', val }
}

/** What of a request goes on its first line and below, or why it cannot be sent. */
export function requestHead(
  { map, method, scheme, authority, pathWithQuery }: HeadParts,
  hasBody: boolean,
): HttpRequestHead | ErrorCode {
  if (scheme?.tag === 'other') return { tag: 'HTTP-protocol-error' }
  if (authority === undefined) return { tag: 'HTTP-request-URI-invalid' }
  const length = contentLength(map)
  if (length === 'invalid') return { tag: 'HTTP-protocol-error' }
  // A length that no body follows would have the server wait, or take the next request for it.
  if (!hasBody && length !== undefined && length > 0n) return { tag: 'HTTP-request-body-size', val: 0n }
  return {
    method: methodName(method),
    scheme: scheme?.tag === 'HTTP' ? 'http' : 'https',
    authority,
    pathWithQuery: pathOf(pathWithQuery),
    headers: map.toList(),
  }
}

function pathOf(path = ''): string {
  return path === '' || path.startsWith('?') ? `/${path}` : path
}

export function timeoutsOf(options: RequestOptions | undefined): EgressTimeouts {
  return {
    connectMs: milliseconds(options?.connect),
    firstByteMs: milliseconds(options?.firstByte),
    betweenBytesMs: milliseconds(options?.betweenBytes),
  }
}

/** Rounded up, and never 0, which says "no timeout" in places. */
function milliseconds(ns: bigint | undefined): number | undefined {
  return ns === undefined ? undefined : Math.max(1, Math.ceil(Number(ns) / 1e6))
}

export const outgoingHandler: HostInterfaces = {
  'wasi:http/outgoing-handler': {
    resources: [],
    functions: {
      handle: define(
        [own('outgoing-request'), option(own('request-options'))],
        result<FutureIncomingResponse, ErrorCode>(own('future-incoming-response'), errorCode),
        handle,
      ),
    },
  },
}
