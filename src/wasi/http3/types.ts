/** wasi:http/types 0.3: fields as in 0.2 with a few functions more, requests and responses with streams. */
import { sourceOf } from '../../http/body.ts'
import { borrow, own } from '../abi/handles.ts'
import { tuple } from '../abi/records.ts'
import { bool, u16, u64 } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { ok, option, result, variant } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import type { Future } from '../async/futures.ts'
import type { ByteStream } from '../async/streams.ts'
import { byteStream, futureOf } from '../async/types.ts'
import { bare, fieldEntries, fieldValue, fieldValues, method, scheme } from '../http/abi.ts'
import type { HeaderError } from '../http/field-map.ts'
import { byteString, bytesOf } from '../http/fields.ts'
import { validAuthority, validMethod, validPath, validScheme } from '../http/message-types.ts'
import { newFields, newRequestOptions, takeMap, type Fields, type RequestOptions } from '../http/resources.ts'
import { GuestLimit } from '../errors.ts'
import { define, type HostFunction, type HostInterfaces, type HostState } from '../state.ts'
import { newRequest, newResponse, type Message, type Request, type Response } from './resources.ts'

type HeaderError3 =
  | { readonly tag: HeaderError | 'size-exceeded' }
  | { readonly tag: 'other'; readonly val: string | undefined }
type OptionsError =
  | { readonly tag: 'not-supported' | 'immutable' }
  | { readonly tag: 'other'; readonly val: string | undefined }

const headerError = variant<HeaderError3>({
  'invalid-syntax': null,
  forbidden: null,
  immutable: null,
  'size-exceeded': null,
  other: option(string),
})
const optionsError = variant<OptionsError>({ 'not-supported': null, immutable: null, other: option(string) })

const headerResult = result<undefined, HeaderError3>(undefined, headerError)
const optionsResult = result<undefined, OptionsError>(undefined, optionsError)
const fieldsSelf = borrow('fields')
const requestSelf = borrow('request')
const responseSelf = borrow('response')
const optionsSelf = borrow('request-options')

const trailersFuture = futureOf('http-trailers')
const resultFuture = futureOf('http-result')

type Unit = Result<undefined, HeaderError3>

/** What is too much for fields is an error of theirs; what is too much for the host ends the guest. */
function attempt(apply: () => HeaderError | undefined): Exclude<HeaderError3['tag'], 'other'> | undefined {
  try {
    return apply()
  } catch (error) {
    if (error instanceof GuestLimit && error.limit !== 'httpHeldBytes') return 'size-exceeded'
    throw error
  }
}

function unit(tag: Exclude<HeaderError3['tag'], 'other'> | undefined): Unit {
  return tag === undefined ? ok(undefined) : { tag: 'err', val: { tag } }
}

function change({ mutable }: Fields, apply: () => HeaderError | undefined): Unit {
  return unit(mutable ? attempt(apply) : 'immutable')
}

const fieldFunctions: Record<string, HostFunction> = {
  '[constructor]fields': define([], own('fields'), (state) => newFields(state.http.newFields())),
  '[static]fields.from-list': define(
    [fieldEntries],
    result<Fields, HeaderError3>(own('fields'), headerError),
    (state, entries): Result<Fields, HeaderError3> => {
      const map = state.http.newFields()
      for (const [name, value] of entries) {
        const tag = attempt(() => map.append(name, byteString(value)))
        if (tag === undefined) continue
        map.release()
        return { tag: 'err', val: { tag } }
      }
      return ok(newFields(map))
    },
  ),
  '[method]fields.get': define([fieldsSelf, string], fieldValues, (_state, { map }, name) =>
    map.get(name).map(bytesOf),
  ),
  '[method]fields.has': define([fieldsSelf, string], bool, (_state, { map }, name) => map.has(name)),
  '[method]fields.set': define([fieldsSelf, string, fieldValues], headerResult, (_state, fields, name, values) =>
    change(fields, () => fields.map.set(name, values.map(byteString))),
  ),
  '[method]fields.delete': define([fieldsSelf, string], headerResult, (_state, fields, name) =>
    change(fields, () => fields.map.delete(name)),
  ),
  '[method]fields.get-and-delete': define(
    [fieldsSelf, string],
    result<Uint8Array[], HeaderError3>(fieldValues, headerError),
    (_state, fields, name): Result<Uint8Array[], HeaderError3> => {
      const values = fields.map.get(name).map(bytesOf)
      const deleted = change(fields, () => fields.map.delete(name))
      return deleted.tag === 'err' ? deleted : ok<Uint8Array[]>(values)
    },
  ),
  '[method]fields.append': define([fieldsSelf, string, fieldValue], headerResult, (_state, fields, name, value) =>
    change(fields, () => fields.map.append(name, byteString(value))),
  ),
  '[method]fields.copy-all': define([fieldsSelf], fieldEntries, (_state, { map }) =>
    map.entries.map(([name, value]): [string, Uint8Array] => [name, bytesOf(value)]),
  ),
  '[method]fields.clone': define([fieldsSelf], own('fields'), (_state, { map }) => newFields(map.clone())),
}

/** Fields of a message: a copy that cannot be changed, so that neither outlives the other. */
function headersOf({ map }: Message): Fields {
  return { ...newFields(map.clone()), mutable: false }
}

/** The body and trailers of a message, for whoever reads it; the message is gone. */
function consume(
  { async }: HostState,
  { map, contents, trailers, transmitted }: Message,
  processed: Future<'http-result'>,
): [ByteStream, Future<'http-trailers'>] {
  map.release()
  const body = contents ?? async.newStream(sourceOf(new Uint8Array(0)))
  processed.onValue((take) => {
    const value = take()
    // Whoever made the message learns it, if that was the guest.
    transmitted.resolve(value)
    // What the guest says of a body that it could not use: then nobody needs the rest.
    if (value.tag === 'err') body.source?.cancel()
  })
  return [body, trailers]
}

const consumed = tuple<[ByteStream, Future<'http-trailers'>]>([byteStream, trailersFuture])

function accept(valid: boolean, apply: () => void): Result<undefined, undefined> {
  if (!valid) return { tag: 'err', val: undefined }
  apply()
  return ok(undefined)
}

const requestFunctions: Record<string, HostFunction> = {
  '[static]request.new': define(
    [own('fields'), option(byteStream), trailersFuture, option(own('request-options'))],
    tuple<[Request, Future<'http-result'>]>([own('request'), resultFuture]),
    (_state, fields, contents, trailers, options) => {
      const request = newRequest({ map: takeMap(fields), contents, trailers }, options)
      return [request, request.transmitted] satisfies [Request, Future<'http-result'>]
    },
  ),
  '[method]request.get-method': define([requestSelf], method, (_state, { method }) => method),
  '[method]request.set-method': define([requestSelf, method], bare, (_state, request, method) =>
    accept(validMethod(method), () => {
      request.method = method
    }),
  ),
  '[method]request.get-path-with-query': define(
    [requestSelf],
    option(string),
    (_state, { pathWithQuery }) => pathWithQuery,
  ),
  '[method]request.set-path-with-query': define([requestSelf, option(string)], bare, (_state, request, path) =>
    accept(path === undefined || validPath(path), () => {
      request.pathWithQuery = path
    }),
  ),
  '[method]request.get-scheme': define([requestSelf], option(scheme), (_state, { scheme }) => scheme),
  '[method]request.set-scheme': define([requestSelf, option(scheme)], bare, (_state, request, scheme) =>
    accept(scheme === undefined || validScheme(scheme), () => {
      request.scheme = scheme
    }),
  ),
  '[method]request.get-authority': define([requestSelf], option(string), (_state, { authority }) => authority),
  '[method]request.set-authority': define([requestSelf, option(string)], bare, (_state, request, authority) =>
    accept(authority === undefined || validAuthority(authority), () => {
      request.authority = authority
    }),
  ),
  '[method]request.get-options': define([requestSelf], option(own('request-options')), (_state, { options }) =>
    options === undefined ? undefined : { ...copyOptions(options), immutable: true },
  ),
  '[method]request.get-headers': define([requestSelf], own('fields'), (_state, request) => headersOf(request)),
  '[static]request.consume-body': define([own('request'), resultFuture], consumed, consume),
}

const responseFunctions: Record<string, HostFunction> = {
  '[static]response.new': define(
    [own('fields'), option(byteStream), trailersFuture],
    tuple<[Response, Future<'http-result'>]>([own('response'), resultFuture]),
    (_state, fields, contents, trailers) => {
      const response = newResponse({ map: takeMap(fields), contents, trailers })
      return [response, response.transmitted] satisfies [Response, Future<'http-result'>]
    },
  ),
  '[method]response.get-status-code': define([responseSelf], u16, (_state, { status }) => status),
  '[method]response.set-status-code': define([responseSelf, u16], bare, (_state, response, status) =>
    // RFC 9110, section 15: three digits, the first of them 1 to 5.
    accept(status >= 100 && status <= 599, () => {
      response.status = status
    }),
  ),
  '[method]response.get-headers': define([responseSelf], own('fields'), (_state, response) => headersOf(response)),
  '[static]response.consume-body': define([own('response'), resultFuture], consumed, consume),
}

type Timeout = 'connect' | 'firstByte' | 'betweenBytes'

function timeoutFunctions(name: string, key: Timeout): Record<string, HostFunction> {
  return {
    [`[method]request-options.get-${name}`]: define([optionsSelf], option(u64), (_state, options) => options[key]),
    [`[method]request-options.set-${name}`]: define(
      [optionsSelf, option(u64)],
      optionsResult,
      (_state, options, duration): Result<undefined, OptionsError> => {
        if (options.immutable === true) return { tag: 'err', val: { tag: 'immutable' } }
        options[key] = duration
        return ok(undefined)
      },
    ),
  }
}

function copyOptions({ connect, firstByte, betweenBytes }: RequestOptions): RequestOptions {
  return Object.assign(newRequestOptions(), { connect, firstByte, betweenBytes })
}

const optionFunctions: Record<string, HostFunction> = {
  '[constructor]request-options': define([], own('request-options'), () => newRequestOptions()),
  ...timeoutFunctions('connect-timeout', 'connect'),
  ...timeoutFunctions('first-byte-timeout', 'firstByte'),
  ...timeoutFunctions('between-bytes-timeout', 'betweenBytes'),
  '[method]request-options.clone': define([optionsSelf], own('request-options'), (_state, options) =>
    copyOptions(options),
  ),
}

export const serviceTypes: HostInterfaces = {
  'wasi:http/types@0.3': {
    resources: ['fields', 'request', 'request-options', 'response'],
    functions: { ...fieldFunctions, ...requestFunctions, ...responseFunctions, ...optionFunctions },
  },
}
