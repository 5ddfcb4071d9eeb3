/** The Lambda API over HTTP: routes from the model, one error mapping, the headers every answer carries. */
import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Logger } from 'pino'
import { ThawError, toWireError } from '../errors.ts'
import { codePath, createCodeHandler, createHandlers, type Handler, type HandlersOptions } from './handlers.ts'
import { operations, type Operation } from './operations.ts'

export interface LambdaApiOptions extends HandlersOptions {
  logger: Logger
}

export function createLambdaApi(options: LambdaApiOptions): Hono {
  const { config, logger } = options
  // Not strict: older SDKs send trailing slashes.
  const app = new Hono({ strict: false })

  app.use(async (c, next) => {
    await next()
    c.header('x-amzn-RequestId', randomUUID())
  })

  const handlers = createHandlers(options)
  for (const sharing of Map.groupBy(operations, ({ method, path }) => `${method} ${path}`).values()) {
    const [first] = sharing
    if (first === undefined) continue
    const limit = limitBody(first.name, config.limits.requestBytes)
    const routes = sharing.map((operation) => ({
      operation,
      handler: handlers.get(operation.name) ?? notImplemented(operation),
    }))
    app.on(first.method, first.path, limit, (c) => {
      const route = routes.find(({ operation: { query } }) => query === undefined || c.req.query(query[0]) === query[1])
      return route === undefined ? c.notFound() : route.handler(c)
    })
  }
  app.get(codePath, createCodeHandler(options))

  app.notFound((c) => {
    c.header('x-amzn-ErrorType', 'UnknownOperationException')
    return c.json({ message: `Unknown operation: ${c.req.method} ${c.req.path}` }, 404)
  })

  app.onError((error, c) => {
    const wire = toWireError(error)
    if (wire.status >= 500 && wire.status !== 501) logger.error({ err: error, path: c.req.path }, 'request failed')
    return Response.json(wire.body, { status: wire.status, headers: { 'x-amzn-ErrorType': wire.type } })
  })

  return app
}

function notImplemented({ name }: Operation): Handler {
  return async () => {
    throw new ThawError('NotImplemented', `${name} is not implemented.`)
  }
}

/** AWS's words for a request that is too large to be read. */
const limitBody = (operation: string, maxSize: number) =>
  bodyLimit({
    maxSize,
    onError: () => {
      const message = `Request must be smaller than ${maxSize} bytes for the ${operation} operation`
      throw new ThawError('RequestTooLarge', message)
    },
  })
