/** thaw:function/outgoing-http: outgoing requests for guests that are called in turns. */
import { BodyError } from '../../http/body.ts'
import { EgressError, type EgressExchange, type EgressResponse } from '../../http/egress.ts'
import type { HeaderList, HttpRequestHead } from '../../http/message.ts'
import { bytes, list } from '../abi/lists.ts'
import { record, tuple } from '../abi/records.ts'
import { bool, u16, u32 } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { ok, option, result } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { GuestTrap } from '../errors.ts'
import { codeOfIncoming, codeOfOutgoing } from '../http/errors.ts'
import type { FieldMap } from '../http/field-map.ts'
import type { Readiness } from '../io/condition.ts'
import { define, type HostInterfaces, type HostState } from '../state.ts'

interface HttpError {
  code: string
  message: string
}

interface ResponseHead {
  status: number
  headers: [string, string][]
}

/** One request of the guest's. */
class OutgoingCall {
  readonly exchange: EgressExchange
  readonly #changed: () => void
  #settled: Result<EgressResponse, HttpError> | undefined
  #taken = false
  #response: EgressResponse | undefined
  /** Of the callbacks that are registered, one at a time of each body. */
  #stopAwaitingRoom: (() => void) | undefined
  #stopAwaitingBytes: (() => void) | undefined
  #isFinished = false

  constructor(exchange: EgressExchange, changed: () => void) {
    this.exchange = exchange
    this.#changed = changed
    exchange.response.then(
      (response) => this.#settle(ok(response)),
      (error: unknown) => this.#settle({ tag: 'err', val: httpError(error) }),
    )
  }

  get heldBytes(): number {
    return this.exchange.body.heldBytes + (this.#response?.body.heldBytes ?? 0)
  }

  #settle(settled: Result<EgressResponse, HttpError>): void {
    this.#settled = settled
    this.#changed()
  }

  takeResponse(): Result<EgressResponse, HttpError> | undefined {
    if (this.#taken) throw new GuestTrap('outgoing-http.response was asked for twice')
    const settled = this.#settled
    if (settled === undefined) return undefined
    this.#taken = true
    if (settled.tag === 'ok') this.#response = settled.val
    return settled
  }

  write(contents: Uint8Array): Result<number, HttpError> {
    const { body } = this.exchange
    if (this.#isFinished) throw new GuestTrap('outgoing-http.write was called after finish')
    const most = Math.min(body.capacity, contents.length)
    try {
      if (most > 0) body.write(contents.subarray(0, most))
    } catch (error) {
      // Of a limit, or of the length that was declared, the body knows only now.
      if (!(error instanceof BodyError)) throw error
      return notWritten(error)
    }
    if (body.failure !== undefined) return notWritten(body.failure)
    this.#stopAwaitingRoom?.()
    this.#stopAwaitingRoom = most < contents.length ? body.onWritable(this.#changed) : undefined
    return ok(most)
  }

  finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    if (this.exchange.body.failure === undefined) this.exchange.body.end()
  }

  read(most: number): Result<Uint8Array, HttpError> | undefined {
    if (this.#response === undefined) throw new GuestTrap('outgoing-http.read was called before there was a response')
    const { body } = this.#response
    this.#stopAwaitingBytes?.()
    this.#stopAwaitingBytes = undefined
    try {
      const read = body.read(Math.max(1, most))
      if (read === 'end') return ok(new Uint8Array(0))
      if (read !== 'wait') return ok(read)
      this.#stopAwaitingBytes = body.onReadable(this.#changed)
      return undefined
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      return failed(codeOfIncoming('response')(error).tag, error.message)
    }
  }

  close(): void {
    this.#stopAwaitingRoom?.()
    this.#stopAwaitingBytes?.()
    this.#response?.body.cancel()
    this.exchange.cancel()
  }
}

function notWritten(error: BodyError): Result<number, HttpError> {
  return failed(codeOfOutgoing('request', error).tag, error.message)
}

/** All of one invocation. */
export class OutgoingCalls implements Readiness {
  readonly #calls = new Map<number, OutgoingCall>()
  readonly #ready = new Set<number>()
  #callback: (() => void) | undefined
  #last = 0

  get open(): number {
    return this.#calls.size
  }

  get heldBytes(): number {
    let bytes = 0
    for (const call of this.#calls.values()) bytes += call.heldBytes
    return bytes
  }

  isReady(): boolean {
    return this.#ready.size > 0
  }

  onChange(callback: () => void): () => void {
    this.#callback = callback
    return () => {
      this.#callback = undefined
    }
  }

  add(exchange: EgressExchange): number {
    const id = ++this.#last
    this.#calls.set(
      id,
      new OutgoingCall(exchange, () => {
        if (!this.#calls.has(id)) return
        this.#ready.add(id)
        const callback = this.#callback
        this.#callback = undefined
        callback?.()
      }),
    )
    return id
  }

  get(id: number): OutgoingCall {
    const call = this.#calls.get(id)
    if (call === undefined) throw new GuestTrap(`outgoing-http has no request ${id}`)
    return call
  }

  takeReady(): number[] {
    const ids = [...this.#ready]
    this.#ready.clear()
    return ids
  }

  close(id: number): void {
    this.get(id).close()
    this.#calls.delete(id)
    this.#ready.delete(id)
  }

  end(): void {
    for (const call of this.#calls.values()) call.close()
    this.#calls.clear()
    this.#ready.clear()
    this.#callback = undefined
    this.#last = 0
  }
}

function failed(code: string, message: string): { tag: 'err'; val: HttpError } {
  return { tag: 'err', val: { code, message } }
}

function httpError(error: unknown): HttpError {
  if (error instanceof EgressError) return { code: error.code, message: error.message }
  return { code: 'internal-error', message: 'the request failed' }
}

function send(
  state: HostState,
  method: string,
  url: string,
  headers: [string, string][],
  hasBody: boolean,
): Result<number, HttpError> {
  const { egress } = state.invocation
  if (egress === undefined) return failed('HTTP-request-denied', 'outgoing requests are denied here')
  const head = headOf(method, url, validated(state, headers))
  if ('code' in head) return { tag: 'err', val: head }
  try {
    const timeouts = { connectMs: undefined, firstByteMs: undefined, betweenBytesMs: undefined }
    return ok(state.outgoingCalls.add(egress.send(head, { timeouts, hasBody })))
  } catch (error) {
    if (error instanceof EgressError) return failed(error.code, error.message)
    throw error
  }
}

/** By the rules of fields as for any guest; which fields it may not set is for the sender to say. */
function validated({ http }: HostState, headers: readonly [string, string][]): HeaderList | HttpError {
  const map: FieldMap = http.newFields()
  try {
    for (const [name, value] of headers) {
      const error = map.append(name, value)
      if (error === 'invalid-syntax')
        return { code: 'HTTP-protocol-error', message: `${JSON.stringify(name)} or its value is no HTTP field` }
      if (error !== undefined) return { code: 'HTTP-request-denied', message: `the field ${name} is the host's to set` }
    }
    return map.toList()
  } finally {
    map.release()
  }
}

function headOf(method: string, text: string, headers: HeaderList | HttpError): HttpRequestHead | HttpError {
  if ('code' in headers) return headers
  if (!URL.canParse(text))
    return { code: 'HTTP-request-URI-invalid', message: `${JSON.stringify(text.slice(0, 200))} is no URL` }
  const url = new URL(text)
  const scheme = url.protocol === 'http:' ? 'http' : url.protocol === 'https:' ? 'https' : undefined
  if (scheme === undefined)
    return { code: 'HTTP-request-URI-invalid', message: `the scheme ${url.protocol} is not one of http: and https:` }
  if (url.username !== '' || url.password !== '')
    return { code: 'HTTP-request-URI-invalid', message: 'a URL with a user name or password is not sent' }
  return { method, scheme, authority: url.host, pathWithQuery: url.pathname + url.search, headers }
}

const httpErrorType = record<HttpError>({ code: string, message: string })
const headersType = list(tuple<[string, string]>([string, string]))

export const outgoingHttp: HostInterfaces = {
  'thaw:function/outgoing-http': {
    resources: [],
    functions: {
      send: define([string, string, headersType, bool], result<number, HttpError>(u32, httpErrorType), send),
      write: define([u32, bytes], result<number, HttpError>(u32, httpErrorType), (state, id, contents) =>
        state.outgoingCalls.get(id).write(contents),
      ),
      finish: define([u32], undefined, (state, id) => state.outgoingCalls.get(id).finish()),
      response: define(
        [u32],
        option(
          result<ResponseHead, HttpError>(record<ResponseHead>({ status: u16, headers: headersType }), httpErrorType),
        ),
        (state, id): Result<ResponseHead, HttpError> | undefined => {
          const settled = state.outgoingCalls.get(id).takeResponse()
          if (settled === undefined || settled.tag === 'err') return settled
          const { status, headers } = settled.val
          return ok({ status, headers: headers.map(([name, value]): [string, string] => [name, value]) })
        },
      ),
      read: define([u32, u32], option(result<Uint8Array, HttpError>(bytes, httpErrorType)), (state, id, most) =>
        state.outgoingCalls.get(id).read(Math.min(most, state.limits.hostCallBytes)),
      ),
      close: define([u32], undefined, (state, id) => state.outgoingCalls.close(id)),
      ready: define([], list(u32), (state) => state.outgoingCalls.takeReady()),
    },
  },
}
