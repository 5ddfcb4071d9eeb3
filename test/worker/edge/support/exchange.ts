/** One server in this process, whose requests the test takes, and bodies read and written as a guest would. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { BodySink, BodySource } from '../../../../src/http/body.ts'

export interface Exchange {
  incoming: IncomingMessage
  outgoing: ServerResponse<IncomingMessage>
}

export interface ExchangeServer extends AsyncDisposable {
  port: number
  server: Server
  next(): Promise<Exchange>
}

export async function exchangeServer(): Promise<ExchangeServer> {
  const arrived: Exchange[] = []
  const takers: ((exchange: Exchange) => void)[] = []
  const server = createServer((incoming, outgoing) => {
    const taker = takers.shift()
    if (taker === undefined) arrived.push({ incoming, outgoing })
    else taker({ incoming, outgoing })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return {
    port: address.port,
    server,
    next: () => {
      const exchange = arrived.shift()
      if (exchange !== undefined) return Promise.resolve(exchange)
      return new Promise((resolve) => {
        takers.push(resolve)
      })
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

export const readable = (source: BodySource): Promise<void> =>
  new Promise((resolve) => {
    source.onReadable(resolve)
  })

export const writable = (sink: BodySink): Promise<void> =>
  new Promise((resolve) => {
    sink.onWritable(resolve)
  })

/** All of it. Errors: BodyError. */
export async function readAll(source: BodySource): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for (;;) {
    const read = source.read(65_536)
    if (read === 'end') return Buffer.concat(pieces)
    if (read === 'wait') await readable(source)
    else pieces.push(read.slice())
  }
}

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Bytes that are in use. */
export function usedBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
