/** The APIs over HTTP: routes from the model, who is calling, one error mapping, the headers every answer carries. */
import { randomUUID } from 'node:crypto'
import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { ThawError, toWireError } from '../errors.ts'
import { codePath } from './functions.ts'
import type { SigningService } from '../identity/request.ts'
import type { Access, ApiContext, ApiEnv, Handler, Handlers, Service } from './context.ts'
import { layerContentPath } from './layers.ts'
import { operations, type Operation } from './operations.ts'
import { routeOperations } from './routes/operations.ts'

export interface LambdaApiOptions {
  config: Pick<Config, 'limits'>
  access: Pick<Access, 'authenticate'>
  /** By operation, of the model and of Thaw's own. One without a handler answers that it is not implemented. */
  handlers: Handlers
  /** The package itself, for `Code.Location`. */
  code: Handler
  /** The same of a layer version, for `Content.Location`. */
  layerContent: Handler
  services?: readonly Service[]
  logger: Logger
}

export function createLambdaApi(options: LambdaApiOptions): Hono<ApiEnv> {
  const { config, access, handlers, logger, services = [] } = options
  // Not strict: older SDKs send trailing slashes.
  const app = new Hono<ApiEnv>({ strict: false })

  app.use(async (c, next) => {
    await next()
    if (!c.res.headers.has('x-amzn-requestid')) c.header('x-amzn-RequestId', randomUUID())
  })

  const authenticateFor =
    (service: SigningService): MiddlewareHandler<ApiEnv> =>
    async (c, next) => {
      const body = async (): Promise<Uint8Array> => new Uint8Array(await c.req.arrayBuffer())
      const signed = { method: c.req.method, url: urlOnWire(c), headers: c.req.header(), body }
      c.set('caller', await access.authenticate(signed, service))
      await next()
    }
  const authenticate = authenticateFor('lambda')

  const serviceLimit = limitBody(undefined, config.limits.requestBytes)
  app.use(async (c, next) => {
    const service = services.find((candidate) => candidate.matches(c))
    if (service === undefined) return next()
    // Set where the innermost runs: the answer is what it returns.
    let answer: Response | undefined
    const limited = await serviceLimit(c, () =>
      authenticateFor(service.signingName)(c, async () => {
        answer = await service.handle(c)
      }).then(() => {}),
    )
    return answer ?? limited
  })

  for (const sharing of Map.groupBy(
    [...operations, ...routeOperations],
    ({ method, path }) => `${method} ${path}`,
  ).values()) {
    const [first] = sharing
    if (first === undefined) continue
    const limit = limitBody(first.name, config.limits.requestBytes)
    const routes = sharing.map((operation) => ({
      operation,
      handler: handlers.get(operation.name) ?? notImplemented(operation),
    }))
    app.on(first.method, first.path, limit, authenticate, (c) => {
      const route = routes.find(({ operation: { query } }) => query === undefined || c.req.query(query[0]) === query[1])
      return route === undefined ? c.notFound() : route.handler(c)
    })
  }
  app.get(codePath, authenticate, options.code)
  app.get(layerContentPath, authenticate, options.layerContent)

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

/** As it was signed: Hono's is normalised. */
function urlOnWire(c: ApiContext): string {
  const { pathname, search } = new URL(c.req.url)
  return c.env?.incoming?.url ?? pathname + search
}

function notImplemented({ name }: Operation): Handler {
  return async () => {
    throw new ThawError('NotImplemented', `${name} is not implemented.`)
  }
}

/** AWS's words for a request that is too large to be read. */
const limitBody = (operation: string | undefined, maxSize: number) =>
  bodyLimit({
    maxSize,
    onError: () => {
      const which = operation === undefined ? '' : ` for the ${operation} operation`
      throw new ThawError('RequestTooLarge', `Request must be smaller than ${maxSize} bytes${which}`)
    },
  })
