import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { toWireError } from '../errors.ts'
import { createProxyTest } from './edge/client-address.ts'
import { Connections } from './edge/connections.ts'
import { createEdgeServer } from './edge/http-server.ts'
import { SlowClients } from './edge/slow-clients.ts'
import { createForwarder, type Forwarder } from './forward.ts'
import { createFunctionUrlHandler, createUrlHostTest } from './function-url/handler.ts'
import { createInvokeHandler, type InvokeOptions } from './invoke.ts'
import type { ListenAt } from './messages.ts'
import { payloadBudgetBytes } from './read-payload.ts'
import { createRouteHandler } from './routes/handler.ts'
import { createRouteHostTest } from './routes/host-test.ts'
import { createStreamAnswers } from './stream-answer.ts'

export type WorkerServerOptions = Omit<InvokeOptions, 'forwarder' | 'runsQuarantined' | 'budget' | 'isPrivate'>

/** A worker's two doors, public port and private socket, and what is behind each: one app, but trust only by the second. */
export interface WorkerServer {
  /** Once. Returns the public port, 0 if there is none. */
  listen(at: ListenAt): Promise<number>
  /** Stops accepting before it returns; resolves when no connection is open, or after `withinMs`. */
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
  const route = createRouteHandler(shared)
  const isRouteHost = createRouteHostTest(options.config, options.table.routes)
  const { limits } = options.config
  const connections = new Connections()
  const slowClients = new SlowClients(connections, limits)
  const watch = slowClients.watch()
  const isProxied = createProxyTest(options.config)

  const serve = (listener: RequestListener, incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { host } = incoming.headers
    void (isUrlHost(host) ? functionUrl : isRouteHost(host) ? route : listener)(incoming, outgoing)
  }
  const servers: Server[] = []
  const start = async (at: { host: string; port: number; reusePort: true } | { path: string }): Promise<Server> => {
    const isPrivate = 'path' in at
    const listener = isPrivate ? privateListener : publicListener
    const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => serve(listener, incoming, outgoing)
    const server = createEdgeServer({ limits, isPrivate, isProxied, connections, slowClients, onRequest })
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
      // Not the HTTP server's own: that would cut responses that have ended, but have not left yet.
      for (const server of servers) NetServer.prototype.close.call(server)
      await connections.drain(withinMs, () => {
        for (const server of servers) server.closeIdleConnections()
      })
      clearInterval(watch)
    },

    fail(error) {
      const wire = toWireError(error)
      for (const outgoing of connections.responses()) {
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

function createApp(options: InvokeOptions & { forwarder: Forwarder }): Hono<{ Bindings: HttpBindings }> {
  const { forwarder, controllerSocketPath, isPrivate } = options
  // Not strict: older SDKs send trailing slashes.
  const app = new Hono<{ Bindings: HttpBindings }>({ strict: false })
  const invoke = createInvokeHandler(options, { types: ['RequestResponse', 'Event', 'DryRun'] })
  const open = createStreamAnswers(options.config.limits.bodyWindowBytes)
  const stream = createInvokeHandler(options, { types: ['RequestResponse', 'DryRun'], open })
  app.post('/2015-03-31/functions/:name/invocations', invoke)
  app.post('/2021-11-15/functions/:name/response-streaming-invocations', stream)
  // Not `app.all('*')`: a second handler on the invoke route would send it through Hono's middleware machinery.
  app.notFound(({ env: { incoming, outgoing } }) =>
    forwarder.forward(incoming, outgoing, controllerSocketPath, { trusted: isPrivate }),
  )
  return app
}
