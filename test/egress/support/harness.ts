/** Servers on loopback, names that resolve to them, and the two ends of bodies as a guest's host would use them. */
import { createServer as createHttpServer } from 'node:http'
import type { RequestListener, Server as HttpServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { limitsSchema } from '../../../src/config.ts'
import { parseAllowList } from '../../../src/egress/allow-list.ts'
import { createEgress } from '../../../src/egress/client.ts'
import type { Egress, EgressOptions } from '../../../src/egress/client.ts'
import type { EgressLimits } from '../../../src/egress/limits.ts'
import type { BodySink, BodySource } from '../../../src/http/body.ts'
import { EgressError } from '../../../src/http/egress.ts'
import type { EgressClient, EgressExchange, EgressTimeouts } from '../../../src/http/egress.ts'
import type { HttpRequestHead } from '../../../src/http/message.ts'

export const defaultLimits: EgressLimits = limitsSchema.parse({})

export interface TestServer {
  port: number
  /** Connections accepted so far, and those that are open. */
  accepted: number
  open: Set<Socket>
  [Symbol.asyncDispose](): Promise<void>
}

async function listen(server: Server, host: string): Promise<TestServer> {
  const open = new Set<Socket>()
  const running: TestServer = {
    port: 0,
    accepted: 0,
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  server.on('connection', (socket: Socket) => {
    running.accepted += 1
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  running.port = (server.address() as AddressInfo).port
  return running
}

export async function httpServer(listener: RequestListener, host = '127.0.0.1'): Promise<TestServer> {
  return await listen(withoutPatience(createHttpServer(listener)), host)
}

export async function tcpServer(onSocket: (socket: Socket) => void, host = '127.0.0.1'): Promise<TestServer> {
  return await listen(
    createTcpServer((socket) => {
      socket.on('error', () => undefined)
      onSocket(socket)
    }),
    host,
  )
}

export async function serve(server: Server, host = '127.0.0.1'): Promise<TestServer> {
  return await listen(server, host)
}

function withoutPatience(server: HttpServer): HttpServer {
  server.keepAliveTimeout = 60_000
  return server
}

export interface TestEgress extends Egress {
  client(
    rules: string[],
    options?: { key?: string; limits?: Partial<EgressLimits>; signal?: AbortSignal },
  ): EgressClient
  /** Names asked for, in order. */
  asked: string[]
}

/** Every name resolves to what `names` says, one answer after the other, the last one again and again. */
export function testEgress(
  names: Record<string, string[][]> = {},
  options: Partial<EgressOptions> & { with?: Partial<EgressLimits> } = {},
): TestEgress {
  const asked: string[] = []
  const egress = createEgress({
    limits: { ...defaultLimits, ...options.with },
    resolver: async (name) => {
      asked.push(name)
      const answers = names[name] ?? [['127.0.0.1']]
      return (answers.length > 1 ? answers.shift() : answers[0]) ?? []
    },
    ...options,
  })
  return {
    asked,
    clientFor: (invocation) => egress.clientFor(invocation),
    get functions() {
      return egress.functions
    },
    close: () => egress.close(),
    [Symbol.dispose]: () => egress.close(),
    client(rules, { key = 'function', limits, signal } = {}) {
      return egress.clientFor({
        key,
        rules: parseAllowList(rules),
        limits: { ...defaultLimits, ...options.with, ...limits },
        ...(signal === undefined ? {} : { signal }),
      })
    },
  }
}

export const noTimeouts: EgressTimeouts = { connectMs: undefined, firstByteMs: undefined, betweenBytesMs: undefined }

export function requestTo(url: string, rest: Partial<HttpRequestHead> = {}): HttpRequestHead {
  const [, scheme = '', authority = '', pathWithQuery = ''] = /^(\w+):\/\/([^/?]*)(.*)$/s.exec(url) ?? []
  return { method: 'GET', scheme: scheme as 'http', authority, pathWithQuery, headers: [], ...rest }
}

/** A request that has no body. */
export function get(
  client: EgressClient,
  url: string,
  rest: Partial<HttpRequestHead> & { timeouts?: Partial<EgressTimeouts> } = {},
): EgressExchange {
  const { timeouts, ...head } = rest
  const exchange = client.send(requestTo(url, head), { timeouts: { ...noTimeouts, ...timeouts }, hasBody: false })
  exchange.body.end()
  return exchange
}

/** A request whose body the test writes. */
export function post(
  client: EgressClient,
  url: string,
  rest: Partial<HttpRequestHead> & { timeouts?: Partial<EgressTimeouts> } = {},
): EgressExchange {
  const { timeouts, ...head } = rest
  return client.send(requestTo(url, { method: 'POST', ...head }), {
    timeouts: { ...noTimeouts, ...timeouts },
    hasBody: true,
  })
}

export function readable(source: BodySource): Promise<void> {
  return new Promise((resolve) => source.onReadable(resolve))
}

export function writable(sink: BodySink): Promise<void> {
  return new Promise((resolve) => sink.onWritable(resolve))
}

/** All of the body. Rejects with its BodyError. */
export async function collect(source: BodySource, most = 65_536): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for (;;) {
    const piece = source.read(most)
    if (piece === 'end') return Buffer.concat(pieces)
    if (piece === 'wait') await readable(source)
    else pieces.push(piece)
  }
}

export async function text(exchange: EgressExchange): Promise<string> {
  const { body } = await exchange.response
  return (await collect(body)).toString('latin1')
}

/** What a promise, or a call, fails with; it has to fail with an EgressError. */
export async function failure(attempt: Promise<unknown> | (() => unknown)): Promise<EgressError> {
  try {
    await (typeof attempt === 'function' ? attempt() : attempt)
  } catch (error) {
    if (error instanceof EgressError) return error
    throw error
  }
  throw new Error('nothing failed')
}
