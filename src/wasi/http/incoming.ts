/** wasi:http/types: what comes in, requests and responses, with their bodies and trailers. */
import { borrow, own } from '../abi/handles.ts'
import { u16 } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { ok, option, result } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { newInputStream, newPollable } from '../resources.ts'
import { define } from '../state.ts'
import type { HostFunction, HostState } from '../state.ts'
import { errorCode, method, scheme } from './abi.ts'
import type { ErrorCode } from './error-code.ts'
import { methodOf } from './message-types.ts'
import type { Scheme } from './message-types.ts'
import { fieldsOf, newFutureTrailers, newIncomingResponse, newTrailers, takeBody } from './resources.ts'
import type { Fields, FutureIncomingResponse, FutureTrailers, IncomingResponse } from './resources.ts'

const request = borrow('incoming-request')
const response = borrow('incoming-response')

/** A future's answer: none before it is there, `err` after the first. */
type Answer<T> = Result<Result<T, ErrorCode>, undefined> | undefined

const taken: Result<never, undefined> = { tag: 'err', val: undefined }

/** `result` of a value that can be had once. */
function once<T>(value: T | undefined): Result<T, undefined> {
  return value === undefined ? taken : ok(value)
}

function schemeOf(name: 'http' | 'https'): Scheme {
  return { tag: name === 'http' ? 'HTTP' : 'HTTPS' }
}

function getResponse(state: HostState, { future }: FutureIncomingResponse): Answer<IncomingResponse> {
  const settled = future.take()
  if (settled === undefined) return undefined
  if (settled === 'taken') return taken
  if (settled.tag === 'err') return ok(settled)
  return ok(ok(newIncomingResponse(settled.val, state.http.receivedFields(settled.val.headers))))
}

/** What of the body was not read is thrown away: trailers come after it. */
function getTrailers(state: HostState, future: FutureTrailers): Answer<Fields | undefined> {
  const { reader } = future
  if (future.taken) return taken
  if (!reader.drain()) return undefined
  future.taken = true
  const { failure, trailers } = reader
  if (failure !== undefined) return ok({ tag: 'err', val: reader.describe(failure) })
  return ok(ok(trailers.length === 0 ? undefined : newTrailers(future, state.http.receivedFields(trailers))))
}

export const incoming: Record<string, HostFunction> = {
  '[method]incoming-request.method': define([request], method, (_state, { request }) => methodOf(request.method)),
  '[method]incoming-request.path-with-query': define(
    [request],
    option(string),
    (_state, { request }) => request.pathWithQuery,
  ),
  '[method]incoming-request.scheme': define([request], option(scheme), (_state, { request }) =>
    schemeOf(request.scheme),
  ),
  '[method]incoming-request.authority': define([request], option(string), (_state, { request }) => request.authority),
  '[method]incoming-request.headers': define([request], own('fields'), (_state, request) => fieldsOf(request)),
  '[method]incoming-request.consume': define([request], result(own('incoming-body')), (_state, request) =>
    once(takeBody(request)),
  ),
  '[method]incoming-response.status': define([response], u16, (_state, { status }) => status),
  '[method]incoming-response.headers': define([response], own('fields'), (_state, response) => fieldsOf(response)),
  '[method]incoming-response.consume': define([response], result(own('incoming-body')), (_state, response) =>
    once(takeBody(response)),
  ),
  '[method]incoming-body.stream': define([borrow('incoming-body')], result(own('input-stream')), (_state, body) => {
    if (body.streamTaken) return taken
    body.streamTaken = true
    return ok(newInputStream(body.reader, body))
  }),
  '[static]incoming-body.finish': define([own('incoming-body')], own('future-trailers'), (_state, { reader }) =>
    newFutureTrailers(reader),
  ),
  '[method]future-trailers.subscribe': define([borrow('future-trailers')], own('pollable'), (_state, future) => {
    const { reader } = future
    const condition = {
      isReady: () => future.taken || reader.drain(),
      onChange: (callback: () => void) => reader.onChange(callback),
    }
    return newPollable(condition, future)
  }),
  '[method]future-trailers.get': define(
    [borrow('future-trailers')],
    option(result(result(option(own('fields')), errorCode))),
    getTrailers,
  ),
  '[method]future-incoming-response.subscribe': define(
    [borrow('future-incoming-response')],
    own('pollable'),
    (_state, future) => newPollable(future.future, future),
  ),
  '[method]future-incoming-response.get': define(
    [borrow('future-incoming-response')],
    option(result(result(own('incoming-response'), errorCode))),
    getResponse,
  ),
}
