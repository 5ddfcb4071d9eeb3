/** Everything that hangs on a function besides its versions and aliases, put together. */
import type { Logger } from 'pino'
import type { Config } from '../../config.ts'
import type { Queues } from '../../events/queues.ts'
import type { Documents } from '../../store/documents.ts'
import { eventInvokeConfigs as storedEventInvokeConfigs } from '../../store/event-invoke-configs.ts'
import { policies } from '../../store/policies.ts'
import type { Store } from '../../store/store.ts'
import type { Clock, DataPlane, DataPlaneChange } from '../collaborators.ts'
import type { KeyedLock } from '../keyed-lock.ts'
import type { QualifierSettings } from '../qualifier-settings.ts'
import { createRoutes, type Routes } from '../routes/routes.ts'
import { createAccountConcurrency, type AccountConcurrency } from './account-concurrency.ts'
import { createDestinationCheck } from './destinations.ts'
import { createEventInvokeConfigs, type EventInvokeConfigs } from './event-invoke-configs.ts'
import { createFunctionUrls, type FunctionUrls } from './function-urls.ts'
import { createPermissions, type Permissions } from './permissions.ts'
import { createProvisionedConcurrency, type ProvisionedConcurrencySettings } from './provisioned-concurrency.ts'
import { createRecursionSettings, type RecursionSettings } from './recursion.ts'
import { createReservedConcurrency, type ReservedConcurrencySettings } from './reserved-concurrency.ts'
import { createRuntimeManagement, type RuntimeManagementSettings } from './runtime-management.ts'
import { createTags, type ResourceTags } from './tags.ts'
import { createTargets } from './targets.ts'
import { createUrlAddress } from './url-address.ts'

export interface SettingsOptions {
  store: Pick<Store, 'getFunction' | 'setTags'>
  documents: Documents
  dataPlane: DataPlane
  /** Which queues there are, for destinations. */
  queues: Pick<Queues, 'find'>
  /** Where the server is reached, once it listens. */
  publicUrl(): string | undefined
  config: Pick<Config, 'region' | 'limits' | 'functionUrlBase' | 'apiHosts' | 'host' | 'port'>
  clock: Clock
  logger: Logger
  /** Of the functions: a deletion and a setting do not come between each other. */
  lock: KeyedLock
}

export interface Settings extends QualifierSettings, AsyncDisposable {
  readonly permissions: Permissions
  readonly tags: ResourceTags
  readonly eventInvokeConfigs: EventInvokeConfigs
  readonly urls: FunctionUrls
  readonly routes: Routes
  readonly reservedConcurrency: ReservedConcurrencySettings
  readonly provisionedConcurrency: ProvisionedConcurrencySettings
  readonly accountConcurrency: AccountConcurrency
  readonly recursion: RecursionSettings
  readonly runtimeManagement: RuntimeManagementSettings
  /** From a function URL's id to the URL. */
  urlAddress(urlId: string): string
  /** What a worker must know when it starts. */
  served(): Promise<DataPlaneChange[]>
  /** Once, at start: takes up what a crash interrupted. */
  recover(): Promise<void>
}

export function createSettings(options: SettingsOptions): Settings {
  const { documents, queues, config } = options
  const { region, limits } = config
  const targets = createTargets({ ...options, region })
  const checkDestinations = createDestinationCheck({ queues, targets, region })
  const account = createAccountConcurrency(documents, limits)
  const parts = { ...options, targets, region, limits, account }
  const urls = createFunctionUrls(parts)
  const routes = createRoutes(parts)
  const reservedConcurrency = createReservedConcurrency(parts)
  const provisionedConcurrency = createProvisionedConcurrency(parts)
  const withQualifier = [policies(documents), storedEventInvokeConfigs(documents)]

  return {
    permissions: createPermissions({
      ...parts,
      async changed(ref) {
        await urls.republish(ref)
        await routes.republish(ref)
      },
    }),
    tags: createTags(parts),
    eventInvokeConfigs: createEventInvokeConfigs({ ...parts, checkDestinations }),
    urls,
    routes,
    reservedConcurrency,
    provisionedConcurrency,
    accountConcurrency: account,
    recursion: createRecursionSettings(parts),
    runtimeManagement: createRuntimeManagement(parts),
    urlAddress: createUrlAddress(options),

    async dropQualifier(key) {
      await urls.drop(key)
      await routes.drop(key)
      await provisionedConcurrency.drop(key)
      for (const collection of withQualifier) {
        const found = await collection.get(key.accountId, key.functionName, key.qualifier)
        if (found !== undefined) await collection.delete(found.accountId, found.scope, found.key, found.revision)
      }
    },

    aliasMoved: (key) => provisionedConcurrency.moved(key),

    served: async () => [
      ...(await reservedConcurrency.served()),
      ...(await provisionedConcurrency.served()),
      ...(await urls.served()),
      ...(await routes.served()),
    ],

    async recover() {
      await routes.recover()
      await provisionedConcurrency.recover()
    },
    [Symbol.asyncDispose]: () => provisionedConcurrency[Symbol.asyncDispose](),
  }
}
