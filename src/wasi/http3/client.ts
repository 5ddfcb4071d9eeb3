/** wasi:http/client 0.3: requests to where the function's egress rules let it. */
import { BodyError } from '../../http/body.ts'
import { EgressError } from '../../http/egress.ts'
import type { EgressClient, EgressExchange } from '../../http/egress.ts'
import type { HttpRequestHead } from '../../http/message.ts'
import { own } from '../abi/handles.ts'
import { ok, result } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { Pending } from '../async/subtasks.ts'
import { errorCode } from '../http/abi.ts'
import { contentLength } from '../http/content-length.ts'
import type { ErrorCode } from '../http/error-code.ts'
import { codeOfEgress } from '../http/errors.ts'
import type { FieldMap } from '../http/field-map.ts'
import { requestHead, timeoutsOf } from '../http/outgoing-handler.ts'
import { defineAsync, type HostInterfaces, type HostState } from '../state.ts'
import { deliver, MeasuredSink } from './delivery.ts'
import { incomingResponse, type Request, type Response } from './resources.ts'

type Answer = Result<Response, ErrorCode>

function send(state: HostState, request: Request): Answer | Pending<Answer> {
  const { egress } = state.invocation
  const head = requestHead(request, request.contents !== undefined)
  const answer =
    egress === undefined
      ? refused({ tag: 'HTTP-request-denied' })
      : 'tag' in head
        ? refused(head)
        : sent(state, egress, head, request)
  if (answer instanceof Pending) {
    request.map.release()
    return answer
  }
  if (answer.tag === 'err') request.transmitted.resolve(answer)
  request.release?.()
  return answer
}

function sent(
  state: HostState,
  egress: EgressClient,
  head: HttpRequestHead,
  request: Request,
): Answer | Pending<Answer> {
  const { options, contents, map, transmitted } = request
  let exchange: EgressExchange
  try {
    exchange = egress.send(head, { timeouts: timeoutsOf(options), hasBody: contents !== undefined })
  } catch (error) {
    if (error instanceof EgressError) return refused(codeOfEgress(error))
    throw error
  }
  const delivery = deliver(state, request, new MeasuredSink(exchange.body, lengthOf(map)), 'request')
  const settled = exchange.response.then(
    (response) => (): Answer => ok(incomingResponse(state.async, state.http, response)),
    (error: unknown) => {
      if (!(error instanceof EgressError)) throw error
      const answer = refused(codeOfEgress(error))
      transmitted.resolve(answer)
      delivery.abandon(new BodyError('aborted', error.message))
      return (): Answer => answer
    },
  )
  return new Pending(settled, () => {
    exchange.cancel()
    delivery.abandon(new BodyError('aborted', 'the request was cancelled'))
  })
}

/** What `requestHead` has found valid. */
function lengthOf(map: FieldMap): bigint | undefined {
  const length = contentLength(map)
  return length === 'invalid' ? undefined : length
}

function refused(val: ErrorCode): { tag: 'err'; val: ErrorCode } {
  return { tag: 'err', val }
}

export const client: HostInterfaces = {
  'wasi:http/client@0.3': {
    resources: [],
    functions: {
      send: defineAsync([own('request')], result<Response, ErrorCode>(own('response'), errorCode), send),
    },
  },
}
