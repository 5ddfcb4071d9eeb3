import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { toWireError } from '../errors.ts'
import { createForwarder, type Forwarder } from './forward.ts'
import { createFunctionUrlHandler, createUrlHostTest } from './function-url/handler.ts'
import { respond } from './answers.ts'
import { createInvokeHandler, type InvokeOptions } from './invoke.ts'
import type { ListenAt } from './messages.ts'
import { payloadBudgetBytes } from './read-payload.ts'
import { createStreamRespond } from './stream-answer.ts'

export type WorkerServerOptions = Omit<InvokeOptions, 'forwarder' | 'runsQuarantined' | 'budget' | 'isPrivate'>

/** A worker's two doors, public port and private socket, and what is behind each: one app, but trust only by the second. */
export interface WorkerServer {
  /** Once. Returns the public port, 0 if there is none. */
  listen(at: ListenAt): Promise<number>
  /** Stops accepting before it returns; resolves when no request is open, or after `withinMs`. */
  drain(withinMs: number): Promise<void>
  /** Answers all open requests with 500 as far as they are not answered yet: the process is about to end. */
  fail(error: unknown): void
}

type RequestListener = ReturnType<typeof getRequestListener>

export function createWorkerServer(options: WorkerServerOptions): WorkerServer {
  const forwarder = createForwarder()
  let quarantine = false
  const shared = {
    ...options,
    forwarder,
    budget: { limitBytes: payloadBudgetBytes, usedBytes: 0 },
    runsQuarantined: () => quarantine,
  }
  const listenerOf = (isPrivate: boolean) => getRequestListener(createApp({ ...shared, isPrivate }).fetch)
  const publicListener = listenerOf(false)
  const privateListener = listenerOf(true)
  const functionUrl = createFunctionUrlHandler(shared)
  const isUrlHost = createUrlHostTest(options.config)
  /** The response under way, or the last one, by connection: listeners a connection cost less than a request. */
  const latest = new Map<Socket, ServerResponse>()
  let draining = false

  const serve = (listener: RequestListener, incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { socket } = incoming
    if (!latest.has(socket)) socket.once('close', () => latest.delete(socket))
    latest.set(socket, outgoing)
    // A connection kept alive would keep its client here.
    if (draining) outgoing.shouldKeepAlive = false
    void (isUrlHost(incoming.headers.host) ? functionUrl : listener)(incoming, outgoing)
  }
  const openResponses = (): ServerResponse[] => [...latest.values()].filter((outgoing) => !outgoing.closed)
  const servers: Server[] = []
  // A function may run for 900 s after its request was read; the time to send a request is Node's default.
  const start = async (at: { host: string; port: number; reusePort: true } | { path: string }): Promise<Server> => {
    // Controller and workers keep connections: closed from here, an idle one could cross with a request.
    const server =
      'path' in at
        ? createServer({ keepAliveTimeout: 0 }, (incoming, outgoing) => serve(privateListener, incoming, outgoing))
        : createServer((incoming, outgoing) => serve(publicListener, incoming, outgoing))
    servers.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(at, () => {
        server.off('error', reject)
        resolve()
      })
    })
    return server
  }

  return {
    async listen(at) {
      quarantine = at.public === undefined
      const opening = [start({ path: at.socketPath })]
      if (at.public !== undefined) opening.push(start({ ...at.public, reusePort: true }))
      const [, open] = await Promise.all(opening)
      const address = open?.address()
      return typeof address === 'object' && address !== null ? address.port : 0
    },

    async drain(withinMs) {
      draining = true
      for (const server of servers) server.close()
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, withinMs)
      // While these end, others may come on connections that were open before.
      for (let open = openResponses(); open.length > 0; open = openResponses()) {
        for (const outgoing of open) if (!outgoing.headersSent) outgoing.shouldKeepAlive = false
        const closed = Promise.all(open.map(closeOf)).then(() => true)
        if ((await Promise.race([closed, late])) !== true) break
      }
      clearTimeout(timer)
    },

    fail(error) {
      const wire = toWireError(error)
      for (const outgoing of openResponses()) {
        if (outgoing.headersSent) outgoing.destroy()
        else
          outgoing
            .writeHead(wire.status, {
              'content-type': 'application/json',
              'x-amzn-errortype': wire.type,
              connection: 'close',
            })
            .end(JSON.stringify(wire.body))
      }
    },
  }
}

/** Not `events.once`: that rejects when the response fails, which also is an end. */
function closeOf(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    outgoing.once('close', resolve)
  })
}

function createApp(options: InvokeOptions & { forwarder: Forwarder }): Hono<{ Bindings: HttpBindings }> {
  const { forwarder, controllerSocketPath, isPrivate } = options
  // Not strict: older SDKs send trailing slashes.
  const app = new Hono<{ Bindings: HttpBindings }>({ strict: false })
  const invoke = createInvokeHandler(options, { types: ['RequestResponse', 'Event', 'DryRun'], respond })
  const stream = createInvokeHandler(options, { types: ['RequestResponse', 'DryRun'], respond: createStreamRespond() })
  app.post('/2015-03-31/functions/:name/invocations', invoke)
  app.post('/2021-11-15/functions/:name/response-streaming-invocations', stream)
  // Not `app.all('*')`: a second handler on the invoke route would send it through Hono's middleware machinery.
  app.notFound(({ env: { incoming, outgoing } }) =>
    forwarder.forward(incoming, outgoing, controllerSocketPath, { trusted: isPrivate }),
  )
  return app
}
