/** The control plane put together: storage, rules, APIs, events. Everything but processes. */
import type { Hono } from 'hono'
import type { Logger } from 'pino'
import { createLambdaApi } from '../api/app.ts'
import type { Access, ApiEnv, Handler, Handlers } from '../api/context.ts'
import { createCodeHandler, createFunctionHandlers } from '../api/functions.ts'
import type { Config } from '../config.ts'
import type { InvokeFunction } from '../events/invoking.ts'
import type { Builder, Clock, DataPlane, DataPlaneChange } from '../functions/collaborators.ts'
import { createFunctions, type Functions } from '../functions/functions.ts'
import type { Artifacts } from '../store/artifacts.ts'
import type { Database } from '../store/database.ts'
import type { Documents } from '../store/documents.ts'
import { createSqliteDocuments } from '../store/sqlite-documents.ts'
import { createSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'

export interface ControlPlaneOptions {
  database: Database
  artifacts: Artifacts
  builder: Builder
  dataPlane: DataPlane
  invoke: InvokeFunction
  config: Config
  clock: Clock
  logger: Logger
}

export interface ControlPlane extends AsyncDisposable {
  readonly store: Store
  readonly documents: Documents
  readonly functions: Functions
  readonly api: Hono<ApiEnv>
  /** All that the data plane serves: what workers are told before they serve. */
  served(): Promise<DataPlaneChange[]>
  /** Once, when the data plane runs: takes up what a crash interrupted, and begins to deliver events. */
  start(): Promise<void>
}

export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { database, config, logger } = options
  await using building = new AsyncDisposableStack()
  const documents = createSqliteDocuments(database)
  const store = building.use(createSqliteStore({ database }))
  const functions = building.use(createFunctions({ ...options, store }))
  const access = devAccess(config.accountId)

  const api = createLambdaApi({
    config,
    access,
    logger,
    handlers: merged(createFunctionHandlers({ functions, access, config })),
    code: createCodeHandler({ functions, access, config }),
    services: [],
  })

  const resources = building.move()
  return {
    store,
    documents,
    functions,
    api,
    served: async () => (await functions.specs()).map((put) => ({ put })),
    start: () => functions.recover(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** Anybody is the one account. */
function devAccess(accountId: string): Access {
  return {
    authenticate: async () => ({ accountId, accessKeyId: undefined }),
    assertAllowed: async () => {},
  }
}

function merged(...groups: Handlers[]): Handlers {
  const all = new Map<string, Handler>()
  for (const group of groups) for (const [name, handler] of group) all.set(name, handler)
  return all
}
