/** The five operations on what becomes of a function's asynchronous events, one config a qualifier. */
import { ThawError } from '../../errors.ts'
import type { Documents, Entry } from '../../store/documents.ts'
import { eventInvokeConfigs, type EventInvokeConfig } from '../../store/event-invoke-configs.ts'
import type { Clock } from '../collaborators.ts'
import { lockKey } from '../deployer.ts'
import type { KeyedLock } from '../keyed-lock.ts'
import { functionArn, type FunctionRef } from '../names.ts'
import type { DestinationCheck, Destinations } from './destinations.ts'
import type { Page, PageInput } from '../page.ts'
import { pageOfSettings } from './pages.ts'
import type { Targets } from './targets.ts'

/** What the request says. */
export interface EventInvokeInput {
  maximumRetryAttempts: number | undefined
  maximumEventAgeInSeconds: number | undefined
  /** A destination that is undefined is none: a destination config replaces the one before as a whole. */
  destinations: Destinations | undefined
}

export interface EventInvokeConfigsOptions {
  documents: Documents
  targets: Targets
  checkDestinations: DestinationCheck
  region: string
  clock: Clock
  lock: KeyedLock
}

/** Errors: `ResourceNotFound`, `InvalidParameterValue`. */
export interface EventInvokeConfigs {
  /** Replaces. */
  put(ref: FunctionRef, input: EventInvokeInput): Promise<EventInvokeConfig>
  /** Merges. */
  update(ref: FunctionRef, input: EventInvokeInput): Promise<EventInvokeConfig>
  get(ref: FunctionRef): Promise<EventInvokeConfig>
  delete(ref: FunctionRef): Promise<void>
  list(ref: FunctionRef, input: PageInput): Promise<Page<Entry<EventInvokeConfig>>>
}

export function createEventInvokeConfigs(options: EventInvokeConfigsOptions): EventInvokeConfigs {
  const { documents, targets, checkDestinations, region, clock, lock } = options
  const collection = eventInvokeConfigs(documents)
  const noFunction = () => new ThawError('ResourceNotFound', "The function doesn't exist.")

  const find = async (ref: FunctionRef): Promise<Entry<EventInvokeConfig>> => {
    const { accountId, functionName, qualifier } = ref
    const found = await collection.get(accountId, functionName, qualifier)
    if (found !== undefined) return found
    const arn = functionArn({ accountId, region }, functionName, qualifier)
    throw new ThawError('ResourceNotFound', `The function ${arn} doesn't have an EventInvokeConfig`)
  }

  const write = async (ref: FunctionRef, input: EventInvokeInput, base: Entry<EventInvokeConfig> | undefined) => {
    const { destinations } = input
    if (destinations !== undefined) await checkDestinations(ref, destinations)
    const config: EventInvokeConfig = {
      maximumRetryAttempts: input.maximumRetryAttempts ?? base?.value.maximumRetryAttempts,
      maximumEventAgeInSeconds: input.maximumEventAgeInSeconds ?? base?.value.maximumEventAgeInSeconds,
      onSuccess: destinations === undefined ? base?.value.onSuccess : destinations.onSuccess,
      onFailure: destinations === undefined ? base?.value.onFailure : destinations.onFailure,
      lastModified: clock.now().getTime(),
    }
    const { accountId, functionName, qualifier } = ref
    const current = base ?? (await collection.get(accountId, functionName, qualifier))
    await collection.put(accountId, functionName, qualifier, config, current?.revision ?? 'absent')
    return config
  }

  return {
    async put(ref, input) {
      // AWS asks this before it looks for the function.
      assertSomething(input)
      return lock.run(lockKey(ref), async () => {
        if (!(await targets.qualifierExists(ref))) throw noFunction()
        return write(ref, input, undefined)
      })
    },

    async update(ref, input) {
      assertSomething(input)
      return lock.run(lockKey(ref), async () => {
        if (!(await targets.qualifierExists(ref))) throw noFunction()
        return write(ref, input, await find(ref))
      })
    },

    get: async (ref) => (await find(ref)).value,

    delete: (ref) =>
      lock.run(lockKey(ref), async () => {
        const { accountId, functionName, qualifier } = ref
        await collection.delete(accountId, functionName, qualifier, (await find(ref)).revision)
      }),

    async list(ref, input) {
      if (!(await targets.functionExists(ref))) throw noFunction()
      return pageOfSettings(collection, ref, input)
    },
  }
}

function assertSomething({ maximumRetryAttempts, maximumEventAgeInSeconds, destinations }: EventInvokeInput): void {
  if ([maximumRetryAttempts, maximumEventAgeInSeconds, destinations].some((member) => member !== undefined)) return
  throw new ThawError(
    'InvalidParameterValue',
    'You must specify at least one of error handling or destination setting.',
  )
}
