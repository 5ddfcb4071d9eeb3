/** HTTP/1.1 by hand: bytes over a TCP connection, and the responses that come back. */
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

export interface RawResponse {
  status: number
  /** By lower-case name; of repeated ones the last. */
  headers: Record<string, string>
  body: string
}

export interface RawConnection extends Disposable {
  readonly socket: Socket
  write(bytes: string | Buffer): void
  /** The next response, 1xx too; undefined if the connection ends before one is whole. */
  next(options?: { noBody?: boolean }): Promise<RawResponse | undefined>
  /** Whether nothing more came before the server closed it. */
  ended(): Promise<boolean>
  /** All that has come and is not taken. */
  readonly pending: string
}

export async function open(at: { port: number } | { path: string }): Promise<RawConnection> {
  const socket = connect('port' in at ? { port: at.port, host: '127.0.0.1' } : at)
  await once(socket, 'connect')
  let text = ''
  let isClosed = false
  const closed = Promise.withResolvers<void>()
  let changed = Promise.withResolvers<void>()
  const change = (): void => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    change()
  })
  // A reset is an end, too; whether the answer was there before it is what tests look at.
  socket.on('error', () => {})
  for (const event of ['end', 'close'])
    socket.on(event, () => {
      isClosed = true
      closed.resolve()
      change()
    })
  return {
    socket,
    write: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    async next({ noBody = false } = {}) {
      for (;;) {
        const parsed = parse(text, noBody, isClosed)
        if (parsed !== undefined) {
          text = text.slice(parsed.length)
          return parsed.response
        }
        if (isClosed) return undefined
        await changed.promise
      }
    },
    async ended() {
      await closed.promise
      return text === ''
    },
    get pending() {
      return text
    },
    [Symbol.dispose]: () => socket.destroy(),
  }
}

function parse(
  text: string,
  noBody: boolean,
  isClosed: boolean,
): { response: RawResponse; length: number } | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return undefined
  const [statusLine = '', ...lines] = text.slice(0, head).split('\r\n')
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
  const body = head + 4
  const done = (content: string, length: number) => ({ response: { status, headers, body: content }, length })
  if (noBody || status < 200 || status === 204 || status === 304) return done('', body)
  const length = headers['content-length']
  if (length !== undefined) {
    const end = body + Number(length)
    return text.length < end ? undefined : done(text.slice(body, end), end)
  }
  if (headers['transfer-encoding'] === 'chunked') return chunked(text, body, done)
  return isClosed ? done(text.slice(body), text.length) : undefined
}

function chunked<T>(text: string, start: number, done: (content: string, length: number) => T): T | undefined {
  let content = ''
  for (let at = start; ;) {
    const line = text.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(text.slice(at, line), 16)
    if (size === 0) {
      const end = text.indexOf('\r\n\r\n', line)
      return end === -1 ? undefined : done(content, end + 4)
    }
    if (text.length < line + 4 + size) return undefined
    content += text.slice(line + 2, line + 2 + size)
    at = line + 4 + size
  }
}
