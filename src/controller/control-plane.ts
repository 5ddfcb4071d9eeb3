/** The control plane put together: storage, rules, APIs, events. Everything but processes. */
import type { Hono } from 'hono'
import type { Logger } from 'pino'
import { createLambdaApi } from '../api/app.ts'
import type { ApiEnv, Handler, Handlers } from '../api/context.ts'
import { createAliasHandlers } from '../api/aliases.ts'
import { createCodeSigningHandlers } from '../api/code-signing.ts'
import { createCodeHandler, createFunctionHandlers } from '../api/functions.ts'
import { createInvocationHandlers } from '../api/invocations.ts'
import { createLayerPolicyHandlers } from '../api/layer-policies.ts'
import { createLayerContentHandler, createLayerHandlers } from '../api/layers.ts'
import { createMappingHandlers } from '../api/mappings.ts'
import { unsupportedHandlers } from '../api/unsupported-operations.ts'
import { createVersionHandlers } from '../api/versions.ts'
import { createRouteHandlers } from '../api/routes/handlers.ts'
import { createSettingsHandlers } from '../api/settings/handlers.ts'
import { createSchedulerService } from '../api/scheduler/service.ts'
import { createSqsService } from '../api/sqs/service.ts'
import type { Config } from '../config.ts'
import { createAsyncQueue, type AsyncQueue } from '../events/async/queue.ts'
import { createAsyncSettings } from '../events/async/settings.ts'
import { EventSlots } from '../events/event-slots.ts'
import type { InvokeFunction } from '../events/invoking.ts'
import { createQueues } from '../events/queues/queues.ts'
import type { QueueService } from '../events/queues/service.ts'
import { createMappedFunctions } from '../events/mappings/functions.ts'
import { createMappings, type Mappings } from '../events/mappings/mappings.ts'
import { createSchedules, type Schedules } from '../events/schedules/schedules.ts'
import { createBrokerDrivers } from '../events/sources/brokers.ts'
import { createSqsDriver } from '../events/sources/sqs.ts'
import { createTimers } from '../events/timers.ts'
import { createAliases } from '../functions/aliases.ts'
import { createCodeStorage } from '../functions/code-storage.ts'
import type { Builder, Clock, DataPlane, DataPlaneChange } from '../functions/collaborators.ts'
import { createFunctions, type Functions } from '../functions/functions.ts'
import { createKeyedLock } from '../functions/keyed-lock.ts'
import { createLayerPolicies } from '../functions/layer-policy.ts'
import { createLayers } from '../functions/layers.ts'
import { createSettings, type Settings } from '../functions/settings/settings.ts'
import { createAccess } from '../identity/access.ts'
import { createAccounts, type Accounts } from '../identity/accounts.ts'
import { authModeOf } from '../identity/auth-mode.ts'
import { createCodeUrls } from '../identity/code-url.ts'
import { createKeyRing } from '../identity/key-ring.ts'
import { createSealer, openSecretKey } from '../identity/secret-key.ts'
import { aliasesOf } from '../store/aliases.ts'
import type { Artifacts } from '../store/artifacts.ts'
import type { Database } from '../store/database.ts'
import type { Documents } from '../store/documents.ts'
import { layersOf } from '../store/layers.ts'
import { createSqliteAsyncEvents } from '../store/sqlite-async-events.ts'
import { createSqliteDocuments } from '../store/sqlite-documents.ts'
import { createSqliteQueues } from '../store/sqlite-queues.ts'
import { createSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'

export interface ControlPlaneOptions {
  database: Database
  artifacts: Artifacts
  builder: Builder
  dataPlane: DataPlane
  invoke: InvokeFunction
  /** Where the server is reached, once it listens: function URLs say so. */
  publicUrl?: () => string | undefined
  config: Config
  clock: Clock
  logger: Logger
}

export interface ControlPlane extends AsyncDisposable {
  readonly store: Store
  readonly documents: Documents
  readonly functions: Functions
  readonly settings: Settings
  readonly accounts: Accounts
  readonly queues: QueueService
  readonly asyncQueue: AsyncQueue
  readonly mappings: Mappings
  readonly schedules: Schedules
  readonly api: Hono<ApiEnv>
  /** All that the data plane serves: what workers are told before they serve. */
  served(): Promise<DataPlaneChange[]>
  /** Once, when the data plane runs: takes up what a crash interrupted, and begins to deliver events. */
  start(): Promise<void>
  /** Delivers no more events; what is in work ends, within limits.drainMs a kind. Before the workers go. Idempotent. */
  stopEvents(): Promise<void>
}

export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { database, dataPlane, config, clock, logger } = options
  await using building = new AsyncDisposableStack()
  const documents = createSqliteDocuments(database)
  const store = building.use(createSqliteStore({ database }))
  const lock = createKeyedLock()
  const queues = building.use(createQueues({ store: createSqliteQueues(database), config, clock, logger }))
  const settings = building.use(
    createSettings({
      ...options,
      store,
      documents,
      lock,
      queues,
      publicUrl: options.publicUrl ?? (() => undefined),
    }),
  )
  const { region, limits } = config
  const collections = layersOf(documents)
  const storage = createCodeStorage({ store, versions: collections.versions, limits })
  const layers = createLayers({ ...options, collections, storage, lock })
  const layerPolicies = createLayerPolicies(collections, region)
  const collection = aliasesOf(documents)
  const functions = building.use(
    createFunctions({ ...options, store, aliases: collection, layers, storage, lock, settings }),
  )
  const aliases = createAliases({ collection, store, dataPlane, lock, region, settings })

  const secretKey = await openSecretKey(config.dataDir)
  const keyRing = createKeyRing()
  const accounts = createAccounts({
    documents,
    sealer: createSealer(secretKey),
    clock,
    async publish(change) {
      keyRing.apply(change)
      await dataPlane.publish(change)
    },
  })
  if (authModeOf(config) === 'accounts') for (const change of await accounts.keys()) keyRing.apply(change)
  const codeUrls = createCodeUrls(secretKey, clock)
  const access = createAccess({ config, keyRing, codeUrls, documents, clock })

  const events = building.use(new AsyncDisposableStack())
  const slots = new EventSlots(limits.eventConcurrency)
  const timers = createTimers(clock)
  const asyncSettings = createAsyncSettings({ store, documents, limits })
  const asyncQueue = events.use(
    await createAsyncQueue({
      events: createSqliteAsyncEvents(database),
      invoke: options.invoke,
      queues,
      settings: asyncSettings,
      slots,
      timers,
      region,
      limits,
      logger,
    }),
  )

  const mappings = events.use(
    createMappings({
      ...createMappedFunctions(store, documents),
      documents,
      drivers: [
        createSqsDriver({ queues, region }),
        ...createBrokerDrivers({ brokers: config.brokers, region, logger }),
      ],
      // The data folder is locked: no second controller reads from this store.
      ownerId: 'controller',
      invoke: options.invoke,
      sendFailure: (arn, message) => asyncQueue.destinations.send(arn, { ...message, attributes: {} }),
      slots,
      timers,
      drainMs: limits.drainMs,
      limits,
      logger,
    }),
  )

  const schedules = events.use(
    createSchedules({
      documents,
      accept: asyncQueue.accept,
      functionExists: (target) => asyncSettings.exists(target),
      queues,
      timers,
      catchUp: config.scheduleCatchUp,
      region,
      logger,
    }),
  )

  const api = createLambdaApi({
    config,
    access,
    logger,
    handlers: merged(
      createFunctionHandlers({ functions, concurrency: settings.accountConcurrency, access, codeUrls, config }),
      createVersionHandlers({ functions, access, region }),
      createAliasHandlers({ aliases, access, region }),
      createLayerHandlers({ layers, codeUrls, region }),
      createLayerPolicyHandlers(layerPolicies, region),
      createCodeSigningHandlers({ functions, access, region }),
      unsupportedHandlers(),
      createSettingsHandlers({ settings, access, region: config.region }),
      createRouteHandlers(settings.routes, region),
      createMappingHandlers({ mappings, config }),
      createInvocationHandlers({ functions, asyncQueue, invoke: options.invoke, access, config }),
    ),
    code: createCodeHandler({ functions, access, config }),
    layerContent: createLayerContentHandler({ layers, region }),
    services: [createSqsService({ queues, logger }), createSchedulerService({ schedules, region, logger })],
  })

  const resources = building.move()
  return {
    store,
    documents,
    functions,
    settings,
    accounts,
    queues,
    asyncQueue,
    mappings,
    schedules,
    api,
    served: async () => [
      ...keyRing.changes(),
      ...(await functions.specs()).map((put) => ({ put })),
      ...(await aliases.routes()).map((putAlias) => ({ putAlias })),
      ...(await settings.served()),
    ],
    async start() {
      await functions.recover()
      await settings.recover()
      await asyncQueue.start()
      await mappings.start()
      await schedules.start()
    },
    async stopEvents() {
      await events.disposeAsync()
      // Long polls would outlast the drain; all else of the queues still works.
      await queues[Symbol.asyncDispose]()
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

function merged(...groups: Handlers[]): Handlers {
  const all = new Map<string, Handler>()
  for (const group of groups) for (const [name, handler] of group) all.set(name, handler)
  return all
}
