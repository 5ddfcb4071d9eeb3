/** One HTTP/1.1 connection that carries one request at a time: as little work as a client can do, so that it costs little. */
import { connect, type Socket } from 'node:net'

export interface Answer {
  status: number
  /** Status line and header fields as they came. */
  head: string
  body: string
  /** `performance.now()` when the first byte was there, and when the last. */
  firstByteMs: number
  endMs: number
}

/** Answers are small; a larger one comes in several pieces. */
const readBytes = 65_536
const headEnd = Buffer.from('\r\n\r\n')

export class Connection implements Disposable {
  readonly #socket: Socket
  #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined
  /** What has come of an answer that is not whole yet. */
  #pending: Buffer | undefined
  #firstByteMs = 0
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Resolves once connected. */
  static open(host: string, port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        host,
        port,
        noDelay: true,
        // One buffer for all reads: nothing is allocated per answer but its strings.
        onread: {
          buffer: Buffer.allocUnsafeSlow(readBytes),
          callback: (bytes, buffer) => {
            connection.#read(Buffer.from(buffer.buffer, buffer.byteOffset, bytes))
            return true
          },
        },
      })
      const connection = new Connection(socket)
      socket.once('connect', () => resolve(connection))
      socket.on('error', (error) => {
        reject(error)
        connection.#fail(error)
      })
      socket.on('close', () => connection.#fail(new Error('the server closed the connection')))
    })
  }

  /** `text`: a whole request, Latin-1. Rejects when the connection fails. Precondition: the last one is answered. */
  request(text: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closed || this.#waiting !== undefined) throw new Error('the connection is closed or busy')
      this.#waiting = { resolve, reject }
      this.#firstByteMs = 0
      this.#socket.write(text, 'latin1')
    })
  }

  #read(bytes: Buffer): void {
    if (this.#firstByteMs === 0) this.#firstByteMs = performance.now()
    const all = this.#pending === undefined ? bytes : Buffer.concat([this.#pending, bytes])
    const parsed = parseAnswer(all)
    if (parsed === undefined) {
      // The read buffer is used again: what is kept must be a copy.
      this.#pending = this.#pending === undefined ? Buffer.from(bytes) : all
      return
    }
    this.#pending = undefined
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve({ ...parsed, firstByteMs: this.#firstByteMs, endMs: performance.now() })
  }

  #fail(error: Error): void {
    this.#closed = true
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(error)
  }

  [Symbol.dispose](): void {
    this.#closed = true
    this.#waiting = undefined
    this.#socket.destroy()
  }
}

export interface Endpoint {
  host: string
  port: number
  path: string
  headers?: Record<string, string>
}

/** What comes before the body of a POST of `bodyBytes` bytes. */
export function requestHead({ host, port, path, headers = {} }: Endpoint, bodyBytes: number): string {
  const fields = { host: `${host}:${port}`, 'content-type': 'application/json', ...headers }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}content-length: ${bodyBytes}\r\n\r\n`
}

/** An answer from its bytes; undefined while some are missing. Bodies have a length or come in chunks. */
export function parseAnswer(bytes: Buffer): Pick<Answer, 'status' | 'head' | 'body'> | undefined {
  const end = bytes.indexOf(headEnd)
  if (end === -1) return undefined
  const head = bytes.toString('latin1', 0, end)
  const status = Number(head.slice(9, 12))
  const start = end + headEnd.length
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const stop = start + Number(length)
    return bytes.length < stop ? undefined : { status, head, body: bytes.toString('utf8', start, stop) }
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, head, body: '' }
  const body = parseChunks(bytes, start)
  return body === undefined ? undefined : { status, head, body }
}

/** RFC 9112, section 7.1, without trailers. */
function parseChunks(bytes: Buffer, start: number): string | undefined {
  const parts: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const next = lineEnd + 2 + size + 2
    if (!Number.isInteger(size) || bytes.length < next) return undefined
    if (size === 0) return Buffer.concat(parts).toString('utf8')
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = next
  }
}

/** The field's value; undefined if it is not there. */
export function fieldOf(head: string, name: string): string | undefined {
  const start = head.toLowerCase().indexOf(`\r\n${name.toLowerCase()}:`)
  if (start === -1) return undefined
  const from = start + name.length + 3
  const end = head.indexOf('\r\n', from)
  return head.slice(from, end === -1 ? undefined : end).trim()
}
