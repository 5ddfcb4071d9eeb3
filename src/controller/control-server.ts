import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'

/**
 * The control plane's API on a Unix socket, for the workers, which pass on what is no invocation.
 * `headerSectionBytes`: what a worker takes; Node's default if left out. A worker adds little to it.
 */
export async function startControlServer(
  api: { fetch: Parameters<typeof getRequestListener>[0] },
  socketPath: string,
  headerSectionBytes = 16_384,
): Promise<AsyncDisposable> {
  const listener = getRequestListener(api.fetch)
  // Workers keep connections. Closing an idle one from here could cross with a request, which would fail for no reason.
  const server = createServer(
    { keepAliveTimeout: 0, maxHeaderSize: headerSectionBytes + 1_024 },
    (incoming, outgoing) => void listener(incoming, outgoing),
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    async [Symbol.asyncDispose]() {
      // The workers, who alone connect, are gone by now; a connection that is left is nobody's.
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      server.closeAllConnections()
      await closed
    },
  }
}
