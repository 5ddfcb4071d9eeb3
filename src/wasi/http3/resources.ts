/** The resources of wasi:http/types 0.3 besides fields and request options, which are as in 0.2. */
import type { HttpRequest } from '../../http/message.ts'
import type { BodySource } from '../../http/body.ts'
import type { EgressResponse } from '../../http/egress.ts'
import { Future } from '../async/futures.ts'
import type { AsyncState } from '../async/state.ts'
import type { ByteStream } from '../async/streams.ts'
import { codeOfIncoming } from '../http/errors.ts'
import type { FieldMap } from '../http/field-map.ts'
import { methodOf, type Method, type Scheme } from '../http/message-types.ts'
import { newFields, type RequestOptions } from '../http/resources.ts'
import type { HttpState } from '../http/state.ts'
import { held, type Held } from '../io/held.ts'

/** What requests and responses share: fields, and a body that is consumed or sent once. */
export interface Message extends Held {
  readonly parent: undefined
  readonly map: FieldMap
  readonly contents: ByteStream | undefined
  readonly trailers: Future<'http-trailers'>
  /** Told what became of sending it. */
  readonly transmitted: Future<'http-result'>
}

export interface Request extends Message {
  readonly type: 'request'
  method: Method
  scheme: Scheme | undefined
  authority: string | undefined
  pathWithQuery: string | undefined
  readonly options: RequestOptions | undefined
}

export interface Response extends Message {
  readonly type: 'response'
  status: number
}

export interface ServiceResourceTypes {
  request: Request
  response: Response
}

type Parts = Pick<Message, 'map' | 'contents' | 'trailers'>

function message({ map, contents, trailers }: Parts) {
  const transmitted = new Future('http-result')
  return {
    ...held(undefined),
    map,
    contents,
    trailers,
    transmitted,
    release() {
      map.release()
      contents?.dropReader()
      trailers.dropReader()
      transmitted.resolve({ tag: 'err', val: { tag: 'internal-error', val: 'the message was dropped' } })
    },
  }
}

export function newRequest(parts: Parts, options: RequestOptions | undefined): Request {
  return {
    type: 'request',
    ...message(parts),
    method: { tag: 'get' },
    scheme: undefined,
    authority: undefined,
    pathWithQuery: undefined,
    options,
  }
}

export function newResponse(parts: Parts): Response {
  return { type: 'response', ...message(parts), status: 200 }
}

/** The request that the guest answers. */
export function incomingRequest(async: AsyncState, http: HttpState, request: HttpRequest): Request {
  const { method, scheme, authority, pathWithQuery, headers, body } = request
  return {
    ...newRequest(incoming(async, http, headers, body, 'request'), undefined),
    method: methodOf(method),
    scheme: { tag: scheme === 'http' ? 'HTTP' : 'HTTPS' },
    authority,
    pathWithQuery,
  }
}

/** The answer to a request of the guest's. */
export function incomingResponse(async: AsyncState, http: HttpState, response: EgressResponse): Response {
  const { status, headers, body } = response
  return { ...newResponse(incoming(async, http, headers, body, 'response')), status }
}

function incoming(
  async: AsyncState,
  http: HttpState,
  headers: HttpRequest['headers'],
  body: BodySource,
  of: 'request' | 'response',
): Parts {
  const contents = async.newStream(body)
  const trailers = new Future('http-trailers')
  const describe = codeOfIncoming(of)
  contents.onSourceEnd((error) => {
    if (error !== undefined) return trailers.resolve({ tag: 'err', val: describe(error) })
    const list = body.trailers
    trailers.resolveWith(() => ({
      tag: 'ok',
      val: list.length === 0 ? undefined : newFields(http.receivedFields(list)),
    }))
  })
  return { map: http.receivedFields(headers), contents, trailers }
}
