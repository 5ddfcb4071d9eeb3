import { createAdaptorServer } from '@hono/node-server'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createControlPlane, type ControlPlane } from '../functions/fakes.ts'

export interface ApiServer extends ControlPlane {
  url: string
  client: LambdaClient
  /** The answer as it is on the wire. */
  request(method: string, path: string, body?: unknown): Promise<WireAnswer>
}

export interface WireAnswer {
  status: number
  headers: Headers
  /** Parsed JSON; undefined if the body is empty. */
  body: unknown
}

/** The API on a socket of its own, over a real store, with the fakes of test/functions. */
export async function startApi(settings?: Parameters<typeof createControlPlane>[1]): Promise<ApiServer> {
  // Not the running test's, as tests may run side by side: the server's own.
  const folder = await mkdtemp(join(tmpdir(), 'thaw-test-'))
  const plane = await createControlPlane(folder, settings)
  const server = createAdaptorServer({ fetch: plane.api.fetch })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = `http://127.0.0.1:${address.port}`
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
  const client = new LambdaClient({ endpoint: url, region: 'us-east-1', credentials, maxAttempts: 1 })
  return {
    ...plane,
    url,
    client,
    async request(method, path, body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
      const response = await fetch(new URL(path, url), init)
      const text = await response.text()
      const parsed: unknown = text === '' ? undefined : JSON.parse(text)
      return { status: response.status, headers: response.headers, body: parsed }
    },
    async [Symbol.asyncDispose]() {
      client.destroy()
      if ('closeAllConnections' in server) server.closeAllConnections()
      server.close()
      await once(server, 'close')
      plane.builder.gate.open()
      await plane[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
