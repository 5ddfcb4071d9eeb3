/** A guest that speaks wasi:http, in few words. */
import { TestEgress, TestExchange } from './bodies.ts'
import { TestGuest } from './support.ts'
import type { GuestOptions } from './support.ts'

export const TYPES = 'wasi:http/types'
export const STREAMS = 'wasi:io/streams'
export const POLL = 'wasi:io/poll'

export const OK = { tag: 'ok', val: undefined }
export const ERR = { tag: 'err', val: undefined }
export const CLOSED = { tag: 'err', val: { tag: 'closed' } }

export class HttpGuest extends TestGuest {
  readonly exchange: TestExchange
  readonly egress: TestEgress

  constructor({ exchange = new TestExchange(), ...options }: GuestOptions & { exchange?: TestExchange } = {}) {
    const egress = new TestEgress()
    super({ egress, http: exchange, ...options })
    this.exchange = exchange
    this.egress = egress
  }

  http(func: string, ...values: unknown[]): unknown {
    return this.invoke(TYPES, func, ...values)
  }

  /** A call that answers with a handle, or `ok` with one. */
  made(func: string, ...values: unknown[]): number {
    return handleIn(this.http(func, ...values))
  }

  fields(...entries: [name: string, value: string][]): number {
    return this.made(
      '[static]fields.from-list',
      entries.map(([name, value]) => [name, Buffer.from(value, 'latin1')]),
    )
  }

  entries(fields: number): unknown {
    const entries = this.http('[method]fields.entries', fields)
    return Array.isArray(entries)
      ? entries.map(([name, value]) => [name, Buffer.from(value).toString('latin1')])
      : entries
  }

  /** Its own request: the handle, and that of what the answer goes to. */
  opened(): { request: number; responseOut: number } {
    return this.host.openExchange()
  }

  /** The stream of the request's body, and the body itself. */
  requestBody(): { body: number; stream: number } {
    const body = this.made('[method]incoming-request.consume', this.opened().request)
    return { body, stream: this.made('[method]incoming-body.stream', body) }
  }

  /** A response that is not sent yet, with its body and the body's stream. */
  response(...fields: [name: string, value: string][]): { response: number; body: number; stream: number } {
    const response = this.made('[constructor]outgoing-response', this.fields(...fields))
    const body = this.made('[method]outgoing-response.body', response)
    return { response, body, stream: this.made('[method]outgoing-body.write', body) }
  }

  /** A response whose head is out. */
  responding(...fields: [name: string, value: string][]): { body: number; stream: number } {
    const { responseOut } = this.opened()
    const { response, ...rest } = this.response(...fields)
    this.http('[static]response-outparam.set', responseOut, { tag: 'ok', val: response })
    return rest
  }

  request(authority = 'example.com', ...fields: [name: string, value: string][]): number {
    const request = this.made('[constructor]outgoing-request', this.fields(...fields))
    this.http('[method]outgoing-request.set-authority', request, authority)
    return request
  }

  send(request: number, options?: number): unknown {
    return this.invoke('wasi:http/outgoing-handler', 'handle', request, options)
  }

  /** Bytes as text; an error as it is. */
  read(stream: number, length = 1_000n, how = 'read'): unknown {
    const answer = this.invoke(STREAMS, `[method]input-stream.${how}`, stream, length)
    return answer instanceof Promise ? answer.then(textIn) : textIn(answer)
  }

  out(func: string, ...values: unknown[]): unknown {
    return this.invoke(STREAMS, `[method]output-stream.${func}`, ...values)
  }

  /** After check-write. */
  write(stream: number, text: string): unknown {
    this.out('check-write', stream)
    return this.out('write', stream, Buffer.from(text, 'latin1'))
  }

  /** The text and the code of a stream's error; undefined for anything else. */
  errorOf(answer: unknown): unknown {
    const error = fieldOf(fieldOf(answer, 'val'), 'val')
    if (typeof error !== 'number') return undefined
    const text = this.invoke('wasi:io/error', '[method]error.to-debug-string', error)
    return { text, code: this.http('http-error-code', error) }
  }

  subscribe(type: 'input-stream' | 'output-stream', stream: number): number {
    return Number(this.invoke(STREAMS, `[method]${type}.subscribe`, stream))
  }

  isReady(pollable: number): unknown {
    return this.invoke(POLL, '[method]pollable.ready', pollable)
  }

  block(pollable: number): unknown {
    return this.invoke(POLL, '[method]pollable.block', pollable)
  }

  poll(...pollables: number[]): unknown {
    return this.invoke(POLL, 'poll', pollables)
  }

  dropHttp(resource: string, handle: number): void {
    this.drop(TYPES, resource, handle)
  }

  dropStream(resource: string, handle: number): void {
    this.drop(STREAMS, resource, handle)
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined
}

/** The handle in however many results. */
export function handleIn(answer: unknown): number {
  let inner = answer
  while (typeof inner === 'object' && inner !== null && fieldOf(inner, 'tag') === 'ok') inner = fieldOf(inner, 'val')
  if (typeof inner !== 'number') throw new Error(`no handle: ${JSON.stringify(answer)}`)
  return inner
}

function textIn(answer: unknown): unknown {
  const bytes = fieldOf(answer, 'val')
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('latin1') : answer
}
