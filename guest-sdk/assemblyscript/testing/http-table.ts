/** The resources of wasi:http and wasi:io by their handles, and those of their functions that are the same in all messages. */
import type { GuestMemory } from './guest-memory.ts'
import type { HostImports } from './http.ts'

export type Field = [name: string, value: string]

/** A request to the function, or a response to it; its body and the body's stream too. */
export interface Incoming {
  method: string
  scheme: 'http' | 'https'
  authority: string
  path: string
  status: number
  fields: Field[]
  /** What of the body was not read yet. */
  rest: Buffer
}

/** A request or a response of the function's; its body and the body's stream too. */
export interface Outgoing {
  method: string
  scheme: 'http' | 'https'
  authority: string
  path: string
  status: number
  fields: Field[]
  body: Buffer[]
}

const nothing = () => undefined
const accepted = () => 0

export class HttpTable {
  readonly #memory: GuestMemory
  readonly #resources: unknown[] = []

  constructor(memory: GuestMemory) {
    this.#memory = memory
  }

  add(resource: unknown): number {
    return this.#resources.push(resource)
  }

  get<T>(handle: number): T {
    return this.#resources[handle - 1] as T
  }

  /** Nothing waits: everything is always ready. */
  get imports(): HostImports {
    return {
      'wasi:io/poll@0.2.0': {
        poll: (list: number, length: number, result: number) => {
          this.#memory.view.setUint32(result, list, true)
          this.#memory.view.setUint32(result + 4, 0, true)
        },
        '[resource-drop]pollable': nothing,
      },
      'wasi:io/error@0.2.0': { '[resource-drop]error': nothing },
    }
  }

  get streams(): HostImports[string] {
    const read = (handle: number, most: bigint, result: number): void => {
      const stream = this.get<Incoming>(handle)
      if (stream.rest.length === 0) {
        this.#memory.view.setUint8(result, 1)
        this.#memory.view.setUint8(result + 4, 1)
        return
      }
      this.#memory.putList(result + 4, stream.rest.subarray(0, Number(most)))
      stream.rest = stream.rest.subarray(Number(most))
      this.#memory.view.setUint8(result, 0)
    }
    const done = (stream: number, result: number) => this.#memory.view.setUint8(result, 0)
    return {
      '[method]input-stream.read': read,
      '[method]input-stream.blocking-read': read,
      '[method]input-stream.subscribe': accepted,
      '[method]output-stream.check-write': (stream: number, result: number) => {
        this.#memory.view.setUint8(result, 0)
        this.#memory.view.setBigUint64(result + 8, 65_536n, true)
      },
      '[method]output-stream.write': (stream: number, at: number, length: number, result: number) => {
        this.get<Outgoing>(stream).body.push(this.#memory.bytes(at, length))
        this.#memory.view.setUint8(result, 0)
      },
      '[method]output-stream.blocking-flush': done,
      '[method]output-stream.subscribe': accepted,
      '[resource-drop]input-stream': nothing,
      '[resource-drop]output-stream': nothing,
    }
  }

  /** Of wasi:http/types. What belongs to a message has the message's handle. */
  get types(): HostImports[string] {
    const memory = this.#memory
    const same = (handle: number) => handle
    const inResult = (handle: number, result: number): void => {
      memory.view.setUint8(result, 0)
      memory.view.setUint32(result + 4, handle, true)
    }
    const outgoing = (handle: number): number => {
      const { fields } = this.get<{ fields: Field[] }>(handle)
      const message: Outgoing = { method: 'GET', scheme: 'https', authority: '', path: '/', status: 200, fields, body: [] }
      return this.add(message)
    }
    return {
      'http-error-code': (error: number, result: number) => memory.view.setUint8(result, 0),
      '[constructor]fields': () => this.add({ fields: [] }),
      '[method]fields.append': (handle: number, name: number, nameLength: number, at: number, length: number, result: number) => {
        const field: Field = [memory.text(name, nameLength), memory.bytes(at, length).toString('latin1')]
        this.get<{ fields: Field[] }>(handle).fields.push(field)
        memory.view.setUint8(result, 0)
      },
      '[method]fields.entries': (handle: number, result: number) => {
        const { fields } = this.get<{ fields: Field[] }>(handle)
        const list = memory.room(4, fields.length * 16)
        for (const [index, [name, value]] of fields.entries()) {
          memory.putList(list + index * 16, name)
          memory.putList(list + index * 16 + 8, Buffer.from(value, 'latin1'))
        }
        memory.view.setUint32(result, list, true)
        memory.view.setUint32(result + 4, fields.length, true)
      },
      '[method]incoming-request.headers': same,
      '[method]incoming-response.headers': same,
      '[method]incoming-request.consume': inResult,
      '[method]incoming-response.consume': inResult,
      '[method]incoming-body.stream': inResult,
      '[method]future-incoming-response.subscribe': accepted,
      '[constructor]outgoing-request': outgoing,
      '[constructor]outgoing-response': outgoing,
      '[method]outgoing-response.set-status-code': (response: number, status: number) => {
        this.get<Outgoing>(response).status = status
        return 0
      },
      '[method]outgoing-request.body': inResult,
      '[method]outgoing-response.body': inResult,
      '[method]outgoing-body.write': inResult,
      '[static]outgoing-body.finish': (body: number, some: number, trailers: number, result: number) =>
        memory.view.setUint8(result, 0),
      '[constructor]request-options': accepted,
      '[method]request-options.set-connect-timeout': accepted,
      '[method]request-options.set-first-byte-timeout': accepted,
      '[method]request-options.set-between-bytes-timeout': accepted,
      ...Object.fromEntries(dropped.map((name) => [`[resource-drop]${name}`, nothing])),
    }
  }
}

const dropped = [
  'fields',
  'incoming-response',
  'incoming-body',
  'future-incoming-response',
  'outgoing-request',
  'outgoing-body',
]
