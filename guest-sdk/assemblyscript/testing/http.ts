/**
 * wasi:http for unit tests: what the function sends is answered by the test, and the function is asked by the test.
 * Bodies are whole in memory, so nothing ever waits.
 */
import { HttpTable, type Field, type Incoming, type Outgoing } from './http-table.ts'
import type { GuestMemory } from './guest-memory.ts'

export type HostImports = Record<string, Record<string, (...values: never[]) => unknown>>

/** What the function sent. Names of headers are in lower case. */
export interface SentRequest {
  method: string
  url: string
  headers: Record<string, string>
  body: Buffer
}

/** What another server answers, or why it does not. */
export type Answer =
  | { status?: number; headers?: Record<string, string>; body?: string | Uint8Array }
  | { error: keyof typeof errors }

/** What the function answered. Several values of a header are joined by ", ". */
export interface Reply {
  status: number
  headers: Record<string, string>
  body: Buffer
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']
/** As many cases of `error-code` of wasi:http/types as tests have a use for, by their number. */
const errors = {
  'DNS-timeout': 0,
  'DNS-error': 1,
  'destination-IP-prohibited': 4,
  'connection-refused': 6,
  'connection-terminated': 7,
  'connection-timeout': 8,
  'connection-read-timeout': 9,
  'TLS-certificate-error': 13,
  'HTTP-request-denied': 15,
  'HTTP-response-timeout': 33,
  'HTTP-protocol-error': 35,
  'internal-error': 38,
} as const

export class TestHttp {
  readonly #memory: GuestMemory
  readonly #table: HttpTable
  readonly #answer: (request: SentRequest) => Answer

  constructor(memory: GuestMemory, answer: (request: SentRequest) => Answer) {
    this.#memory = memory
    this.#table = new HttpTable(memory)
    this.#answer = answer
  }

  /** Handles of a request to the function, and of where its response goes. */
  open(request: Incoming): [request: number, outparam: number] {
    return [this.#table.add(request), this.#table.add({})]
  }

  /** The response, once the function has returned; undefined if there is none. */
  reply(outparam: number): Reply | undefined {
    const { response } = this.#table.get<{ response?: Outgoing }>(outparam)
    if (response === undefined) return undefined
    return { status: response.status, headers: recordOf(response.fields), body: Buffer.concat(response.body) }
  }

  /** Of wasi:io/streams. */
  get streams(): HostImports[string] {
    return this.#table.streams
  }

  get imports(): HostImports {
    const [memory, table] = [this.#memory, this.#table]
    const text = (option: number, at: number, length: number): string | undefined =>
      option === 0 ? undefined : memory.text(at, length)
    const optional = (value: string, result: number): void => {
      memory.view.setUint8(result, 1)
      memory.putList(result + 4, value)
    }
    return {
      ...table.imports,
      'wasi:http/types@0.2.0': {
        ...table.types,
        '[method]incoming-request.method'(request: number, result: number): void {
          const { method } = table.get<Incoming>(request)
          const index = methods.indexOf(method)
          memory.view.setUint8(result, index === -1 ? methods.length : index)
          if (index === -1) memory.putList(result + 4, method)
        },
        '[method]incoming-request.scheme'(request: number, result: number): void {
          memory.view.setUint8(result, 1)
          memory.view.setUint8(result + 4, table.get<Incoming>(request).scheme === 'http' ? 0 : 1)
        },
        '[method]incoming-request.authority': (request: number, result: number) =>
          optional(table.get<Incoming>(request).authority, result),
        '[method]incoming-request.path-with-query': (request: number, result: number) =>
          optional(table.get<Incoming>(request).path, result),
        '[method]incoming-response.status': (response: number) => table.get<Incoming>(response).status,
        '[method]outgoing-request.set-method'(request: number, kind: number, at: number, length: number): number {
          table.get<Outgoing>(request).method = methods[kind] ?? memory.text(at, length)
          return 0
        },
        '[method]outgoing-request.set-scheme'(request: number, some: number, kind: number): number {
          table.get<Outgoing>(request).scheme = kind === 0 ? 'http' : 'https'
          return 0
        },
        '[method]outgoing-request.set-authority'(request: number, some: number, at: number, length: number): number {
          table.get<Outgoing>(request).authority = text(some, at, length) ?? ''
          return 0
        },
        '[method]outgoing-request.set-path-with-query'(request: number, some: number, at: number, length: number) {
          table.get<Outgoing>(request).path = text(some, at, length) ?? '/'
          return 0
        },
        '[method]future-incoming-response.get': (request: number, result: number) =>
          this.#respond(table.get<Outgoing>(request), result),
        '[static]response-outparam.set'(outparam: number, isError: number, response: number): void {
          table.get<{ response?: Outgoing }>(outparam).response = table.get<Outgoing>(response)
        },
      },
      // A future is its request: it is answered when the response is asked for, and the body is there.
      'wasi:http/outgoing-handler@0.2.0': {
        handle(request: number, some: number, options: number, result: number): void {
          memory.view.setUint8(result, 0)
          memory.view.setUint32(result + 8, request, true)
        },
      },
    }
  }

  #respond({ method, scheme, authority, path, fields, body }: Outgoing, result: number): void {
    const sent = { method, url: `${scheme}://${authority}${path}`, headers: recordOf(fields), body: Buffer.concat(body) }
    const answer = this.#answer(sent)
    const { view } = this.#memory
    view.setUint8(result, 1)
    view.setUint8(result + 8, 0)
    view.setUint8(result + 16, 'error' in answer ? 1 : 0)
    if ('error' in answer) {
      view.setUint8(result + 24, errors[answer.error])
      view.setUint8(result + 32, 0)
      return
    }
    const { status = 200, headers = {}, body: content = '' } = answer
    const incoming = incomingOf({ status, headers, body: content })
    view.setUint32(result + 24, this.#table.add(incoming), true)
  }
}

export interface IncomingParts {
  method?: string
  url?: string
  status?: number
  headers?: Record<string, string>
  body?: string | Uint8Array
}

export function incomingOf({ method = 'GET', url = '/', status = 0, headers = {}, body = '' }: IncomingParts): Incoming {
  const { protocol, host, pathname, search } = new URL(url, 'https://localhost')
  return {
    method,
    scheme: protocol === 'http:' ? 'http' : 'https',
    authority: host,
    path: pathname + search,
    status,
    fields: Object.entries(headers),
    rest: Buffer.from(body),
  }
}

function recordOf(fields: readonly Field[]): Record<string, string> {
  const record: Record<string, string> = {}
  for (const [name, value] of fields) record[name] = record[name] === undefined ? value : `${record[name]}, ${value}`
  return record
}
