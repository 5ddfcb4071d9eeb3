/** The operations on everything that hangs on a function. */
import type { Settings } from '../../functions/settings/settings.ts'
import type { Access, Handlers } from '../context.ts'
import { createRefOf } from '../request-parts.ts'
import { createConcurrencyHandlers } from './concurrency.ts'
import { createEventInvokeConfigHandlers } from './event-invoke-configs.ts'
import { createFunctionUrlHandlers } from './function-urls.ts'
import { createPermissionHandlers } from './permissions.ts'
import { createRuntimeHandlers } from './runtime.ts'
import { createTagHandlers } from './tags.ts'

export interface SettingsHandlersOptions {
  settings: Settings
  access: Pick<Access, 'assertAllowed'>
  region: string
}

export function createSettingsHandlers({ settings, access, region }: SettingsHandlersOptions): Handlers {
  const refOf = createRefOf(access, region)
  const parts = { ...settings, access, refOf, region }
  return new Map([
    ...createPermissionHandlers(settings.permissions, refOf),
    ...createTagHandlers(parts),
    ...createEventInvokeConfigHandlers(settings.eventInvokeConfigs, refOf, region),
    ...createFunctionUrlHandlers(parts),
    ...createConcurrencyHandlers({
      ...parts,
      reserved: settings.reservedConcurrency,
      provisioned: settings.provisionedConcurrency,
    }),
    ...createRuntimeHandlers(parts),
  ])
}
