/** A TCP connection that a test can cut: what a client sees of a network or a process that goes away. */
import { once } from 'node:events'
import { createServer, connect, type Socket } from 'node:net'

export interface Proxy extends AsyncDisposable {
  port: number
  /** Ends every connection without a word and refuses new ones. */
  cut(): void
  restore(): void
  /** Resolves when somebody is connected through it. */
  connected(): Promise<void>
}

export async function startProxy(target: number): Promise<Proxy> {
  const open = new Set<Socket>()
  let cut = false
  const server = createServer((client) => {
    if (cut) return void client.destroy()
    const upstream = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
    }
    client.pipe(upstream).pipe(client)
    upstream.once('connect', () => server.emit('through'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    cut() {
      cut = true
      for (const socket of open) socket.destroy()
    },
    restore() {
      cut = false
    },
    async connected() {
      if (open.size === 0) await once(server, 'through')
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
