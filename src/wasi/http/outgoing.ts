/** wasi:http/types: what goes out, requests and responses, with their bodies. */
import { borrow, own } from '../abi/handles.ts'
import { u16, u64 } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { ok, option, result } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { Writer } from '../io/writer.ts'
import { newOutputStream } from '../resources.ts'
import { define } from '../state.ts'
import type { HostFunction, HostState } from '../state.ts'
import { bare, errorCode, method, scheme } from './abi.ts'
import { contentLength } from './content-length.ts'
import type { ErrorCode } from './error-code.ts'
import { validAuthority, validMethod, validPath, validScheme } from './message-types.ts'
import {
  fieldsOf,
  newOutgoingBody,
  newOutgoingRequest,
  newOutgoingResponse,
  newRequestOptions,
  takeMap,
} from './resources.ts'
import type { OutgoingBody, OutgoingRequest, OutgoingResponse, RequestOptions } from './resources.ts'

const request = borrow('outgoing-request')
const response = borrow('outgoing-response')
const options = borrow('request-options')

const failed: Result<never, undefined> = { tag: 'err', val: undefined }
const done: Result<undefined, undefined> = ok(undefined)

function accept(valid: boolean, apply: () => void): Result<undefined, undefined> {
  if (!valid) return failed
  apply()
  return done
}

/** Once; an error also where the content-length makes no sense, as in wasmtime. */
function takeBody(state: HostState, message: OutgoingRequest | OutgoingResponse): Result<OutgoingBody, undefined> {
  const of = message.type === 'outgoing-request' ? 'request' : 'response'
  const length = contentLength(message.map)
  if (message.pipe !== undefined || length === 'invalid') return failed
  // What is said of the length of an answer to HEAD is not said of its body.
  const bodiless = of === 'response' && state.invocation.http?.request.method === 'HEAD'
  message.pipe = state.http.newPipe(of, bodiless ? undefined : length)
  return ok(newOutgoingBody(message.pipe))
}

type Timeout = 'connect' | 'firstByte' | 'betweenBytes'

function timeoutFunctions(name: string, key: Timeout): Record<string, HostFunction> {
  return {
    [`[method]request-options.${name}`]: define([options], option(u64), (_state, options) => options[key]),
    [`[method]request-options.set-${name}`]: define([options, option(u64)], bare, (_state, options, duration) =>
      accept(true, () => {
        options[key] = duration
      }),
    ),
  }
}

export const outgoing: Record<string, HostFunction> = {
  '[constructor]outgoing-request': define([own('fields')], own('outgoing-request'), (_state, fields) =>
    newOutgoingRequest(takeMap(fields)),
  ),
  '[method]outgoing-request.body': define([request], result(own('outgoing-body')), takeBody),
  '[method]outgoing-request.method': define([request], method, (_state, { method }) => method),
  '[method]outgoing-request.set-method': define([request, method], bare, (_state, request, method) =>
    accept(validMethod(method), () => {
      request.method = method
    }),
  ),
  '[method]outgoing-request.path-with-query': define(
    [request],
    option(string),
    (_state, { pathWithQuery }) => pathWithQuery,
  ),
  '[method]outgoing-request.set-path-with-query': define([request, option(string)], bare, (_state, request, path) =>
    accept(path === undefined || validPath(path), () => {
      request.pathWithQuery = path
    }),
  ),
  '[method]outgoing-request.scheme': define([request], option(scheme), (_state, { scheme }) => scheme),
  '[method]outgoing-request.set-scheme': define([request, option(scheme)], bare, (_state, request, scheme) =>
    accept(scheme === undefined || validScheme(scheme), () => {
      request.scheme = scheme
    }),
  ),
  '[method]outgoing-request.authority': define([request], option(string), (_state, { authority }) => authority),
  '[method]outgoing-request.set-authority': define([request, option(string)], bare, (_state, request, authority) =>
    accept(authority === undefined || validAuthority(authority), () => {
      request.authority = authority
    }),
  ),
  '[method]outgoing-request.headers': define([request], own('fields'), (_state, request) => fieldsOf(request)),
  '[constructor]request-options': define([], own('request-options'), (): RequestOptions => newRequestOptions()),
  ...timeoutFunctions('connect-timeout', 'connect'),
  ...timeoutFunctions('first-byte-timeout', 'firstByte'),
  ...timeoutFunctions('between-bytes-timeout', 'betweenBytes'),
  '[constructor]outgoing-response': define([own('fields')], own('outgoing-response'), (_state, fields) =>
    newOutgoingResponse(takeMap(fields)),
  ),
  '[method]outgoing-response.status-code': define([response], u16, (_state, { status }) => status),
  '[method]outgoing-response.set-status-code': define([response, u16], bare, (_state, response, status) =>
    // RFC 9110, section 15: three digits, the first of them 1 to 5.
    accept(status >= 100 && status <= 599, () => {
      response.status = status
    }),
  ),
  '[method]outgoing-response.headers': define([response], own('fields'), (_state, response) => fieldsOf(response)),
  '[method]outgoing-response.body': define([response], result(own('outgoing-body')), takeBody),
  '[method]outgoing-body.write': define([borrow('outgoing-body')], result(own('output-stream')), (_state, body) => {
    if (body.streamTaken) return failed
    body.streamTaken = true
    return ok(newOutputStream(new Writer(body.pipe, body.pipe.describe), body))
  }),
  '[static]outgoing-body.finish': define(
    [own('outgoing-body'), option(own('fields'))],
    result<undefined, ErrorCode>(undefined, errorCode),
    (_state, { pipe }, trailers): Result<undefined, ErrorCode> => {
      const error = pipe.finish(trailers?.map.toList() ?? [])
      trailers?.release?.()
      return error === undefined ? ok(undefined) : { tag: 'err', val: error }
    },
  ),
}
