import { createServer } from 'node:net'
import { ThawError } from '../errors.ts'

/**
 * Workers share their port, which the kernel grants to any process of this user: a second server on the same port would
 * silently get half of the first one's connections. Bound without sharing, a taken port is refused. Throws `Config`.
 */
export async function assertPortFree(host: string, port: number): Promise<void> {
  if (port === 0) return
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'it is in use (THAW_PORT or --port chooses another)' : error.message
      reject(new ThawError('Config', `Cannot listen on ${host}:${port}: ${why}`))
    })
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => resolve())
    })
  })
}
