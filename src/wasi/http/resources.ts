/** The resources of wasi:http/types. */
import type { EgressResponse } from '../../http/egress.ts'
import type { HttpRequest } from '../../http/message.ts'
import { held } from '../io/held.ts'
import type { Held } from '../io/held.ts'
import { Reader } from '../io/reader.ts'
import { codeOfIncoming } from './errors.ts'
import type { HttpExchange } from '../../http/message.ts'
import type { FieldMap } from './field-map.ts'
import type { Method, Scheme } from './message-types.ts'
import type { OutgoingPipe } from './outgoing-pipe.ts'
import type { ResponseFuture } from './response-future.ts'

export interface Fields extends Held {
  readonly type: 'fields'
  readonly map: FieldMap
  readonly mutable: boolean
  /** False for those that show the fields of their parent. */
  readonly owned: boolean
}

export interface IncomingRequest extends Held {
  readonly type: 'incoming-request'
  readonly parent: undefined
  readonly request: HttpRequest
  readonly map: FieldMap
  body: Reader | undefined
}

export interface IncomingResponse extends Held {
  readonly type: 'incoming-response'
  readonly parent: undefined
  readonly status: number
  readonly map: FieldMap
  body: Reader | undefined
}

export interface IncomingBody extends Held {
  readonly type: 'incoming-body'
  readonly parent: undefined
  readonly reader: Reader
  streamTaken: boolean
}

export interface FutureTrailers extends Held {
  readonly type: 'future-trailers'
  readonly parent: undefined
  readonly reader: Reader
  taken: boolean
}

export interface OutgoingRequest extends Held {
  readonly type: 'outgoing-request'
  readonly parent: undefined
  readonly map: FieldMap
  pipe: OutgoingPipe | undefined
  method: Method
  pathWithQuery: string | undefined
  scheme: Scheme | undefined
  authority: string | undefined
}

export interface OutgoingResponse extends Held {
  readonly type: 'outgoing-response'
  readonly parent: undefined
  readonly map: FieldMap
  pipe: OutgoingPipe | undefined
  status: number
}

export interface OutgoingBody extends Held {
  readonly type: 'outgoing-body'
  readonly parent: undefined
  readonly pipe: OutgoingPipe
  streamTaken: boolean
}

/** ns */
export interface RequestOptions extends Held {
  readonly type: 'request-options'
  readonly parent: undefined
  connect: bigint | undefined
  firstByte: bigint | undefined
  betweenBytes: bigint | undefined
  /** Of a message that has been made: 0.3 only. */
  immutable?: boolean
}

export interface ResponseOutparam extends Held {
  readonly type: 'response-outparam'
  readonly parent: undefined
  readonly exchange: HttpExchange
}

export interface FutureIncomingResponse extends Held {
  readonly type: 'future-incoming-response'
  readonly parent: undefined
  readonly future: ResponseFuture
}

export interface HttpResourceTypes {
  fields: Fields
  'incoming-request': IncomingRequest
  'incoming-response': IncomingResponse
  'incoming-body': IncomingBody
  'future-trailers': FutureTrailers
  'outgoing-request': OutgoingRequest
  'outgoing-response': OutgoingResponse
  'outgoing-body': OutgoingBody
  'request-options': RequestOptions
  'response-outparam': ResponseOutparam
  'future-incoming-response': FutureIncomingResponse
}

export function newFields(map: FieldMap): Fields {
  return { type: 'fields', ...held(undefined), map, mutable: true, owned: true, release: () => map.release() }
}

/** The fields of a message that is there: to be read only, and a child of it. */
export function fieldsOf(parent: Held & { readonly map: FieldMap }): Fields {
  return { type: 'fields', ...held(parent), map: parent.map, mutable: false, owned: false }
}

export function newTrailers(parent: FutureTrailers, map: FieldMap): Fields {
  return { type: 'fields', ...held(parent), map, mutable: false, owned: true, release: () => map.release() }
}

/** The map of fields that were handed over, for their new owner alone. */
export function takeMap({ map, owned }: Fields): FieldMap {
  return owned ? map : map.clone()
}

export function newIncomingRequest(request: HttpRequest, map: FieldMap): IncomingRequest {
  return {
    type: 'incoming-request',
    ...held(undefined),
    request,
    map,
    body: new Reader(request.body, codeOfIncoming('request')),
    get heldBytes() {
      return this.body?.heldBytes ?? 0
    },
    release() {
      map.release()
      this.body?.cancel()
    },
  }
}

export function newIncomingResponse({ status, body }: EgressResponse, map: FieldMap): IncomingResponse {
  return {
    type: 'incoming-response',
    ...held(undefined),
    status,
    map,
    body: new Reader(body, codeOfIncoming('response')),
    get heldBytes() {
      return this.body?.heldBytes ?? 0
    },
    release() {
      map.release()
      this.body?.cancel()
    },
  }
}

/** The body of what is consumed, once. */
export function takeBody(message: IncomingRequest | IncomingResponse): IncomingBody | undefined {
  const reader = message.body
  if (reader === undefined) return undefined
  message.body = undefined
  return {
    type: 'incoming-body',
    ...held(undefined),
    reader,
    streamTaken: false,
    get heldBytes() {
      return reader.heldBytes
    },
    release: () => reader.cancel(),
  }
}

export function newFutureTrailers(reader: Reader): FutureTrailers {
  return {
    type: 'future-trailers',
    ...held(undefined),
    reader,
    taken: false,
    get heldBytes() {
      return reader.heldBytes
    },
    release: () => reader.cancel(),
  }
}

export function newOutgoingRequest(map: FieldMap): OutgoingRequest {
  return {
    type: 'outgoing-request',
    ...held(undefined),
    map,
    pipe: undefined,
    method: { tag: 'get' },
    pathWithQuery: undefined,
    scheme: undefined,
    authority: undefined,
    release() {
      map.release()
      this.pipe?.fail('the request of this body was dropped')
    },
  }
}

export function newOutgoingResponse(map: FieldMap): OutgoingResponse {
  return {
    type: 'outgoing-response',
    ...held(undefined),
    map,
    pipe: undefined,
    status: 200,
    release() {
      map.release()
      this.pipe?.fail('the response of this body was dropped')
    },
  }
}

export function newOutgoingBody(pipe: OutgoingPipe): OutgoingBody {
  return {
    type: 'outgoing-body',
    ...held(undefined),
    pipe,
    streamTaken: false,
    release: () => pipe.fail('the body was dropped before it was finished'),
  }
}

export function newRequestOptions(): RequestOptions {
  return {
    type: 'request-options',
    ...held(undefined),
    connect: undefined,
    firstByte: undefined,
    betweenBytes: undefined,
  }
}

export function newResponseOutparam(exchange: HttpExchange): ResponseOutparam {
  return { type: 'response-outparam', ...held(undefined), exchange }
}

export function newFutureIncomingResponse(future: ResponseFuture): FutureIncomingResponse {
  return { type: 'future-incoming-response', ...held(undefined), future, release: () => future.cancel() }
}
