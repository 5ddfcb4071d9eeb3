/** Event source mappings: the operations on them, and their work in the background. */
import { randomUUID } from 'node:crypto'
import { ThawError } from '../../errors.ts'
import type { Documents, Entry } from '../../store/documents.ts'
import type { SourceDriver } from '../sources/source.ts'
import type { CreateMappingInput, UpdateMappingInput } from './inputs.ts'
import { createLeases } from './leases.ts'
import { mappingRecords, mappingScope, type Mapping } from './record.ts'
import { changedMapping, invalid, isSqs, newMapping } from './rules.ts'
import { sourceSettings, type MappingCollaborators } from './running-mapping.ts'
import { createTransitions } from './transitions.ts'

export interface MappingsOptions extends MappingCollaborators {
  documents: Documents
  /** The first whose `matches` says yes. */
  drivers: readonly SourceDriver[]
  /** As `Leases` has it. */
  ownerId: string
  /** How long what mappings run may go on when the server closes. */
  drainMs: number
}

/** A mapping as it is shown. */
export interface MappingView {
  accountId: string
  mapping: Mapping
  kind: SourceDriver['kind']
  lastProcessingResult: string
}

/** What is not there is `ResourceNotFound` throughout. */
export interface Mappings extends AsyncDisposable {
  /** Answers with the mapping Creating. Errors: `InvalidParameterValue`, `ResourceConflict`. */
  create(accountId: string, input: CreateMappingInput): Promise<MappingView>
  get(accountId: string, uuid: string): Promise<MappingView>
  /** In the order of their UUIDs. */
  list(accountId: string): Promise<MappingView[]>
  /** Errors: `InvalidParameterValue`, `ResourceInUse` while an earlier change is under way. */
  update(accountId: string, uuid: string, input: UpdateMappingInput): Promise<MappingView>
  /** Answers with the mapping Deleting; it is gone when what it ran has ended. Errors: `ResourceInUse`. */
  delete(accountId: string, uuid: string): Promise<MappingView>
  /** Once, when functions can be invoked. */
  start(): Promise<void>
  /** Resolves when no change is under way. */
  idle(): Promise<void>
  /** Reads nothing more: waits for what runs, at most `drainMs`, then ends it and gives its records back. Idempotent. */
  stop(): Promise<void>
}

/** Ours: a controller that dies is followed by another after this long, if there is another. */
const leaseTtlMs = 30_000
/** Ours: beyond the function's timeout, for the answer to arrive. */
const answerMs = 5_000
/** A change lost to another five times in a row is contention that the caller should hear of. */
const maxAttempts = 5

export function createMappings(options: MappingsOptions): Mappings {
  const { documents, drivers, ownerId, timers, functionTimeoutMs, drainMs } = options
  const records = mappingRecords(documents)
  const driverOf = (arn: string): SourceDriver | undefined => drivers.find((driver) => driver.matches(arn))
  const leases = createLeases({
    documents,
    timers,
    ownerId,
    ttlMs: leaseTtlMs,
    onLost: () => transitions.abandonAll(),
  })
  let closing = false
  const longestTimeoutMs = 900_000
  const transitions = createTransitions({
    ...options,
    records,
    leases,
    driverOf,
    retryMs: leaseTtlMs / 2,
    graceMs: () => (closing ? drainMs : longestTimeoutMs + answerMs),
  })
  /** One at a time, so that two alike cannot both find that there is none yet. */
  let creating: Promise<unknown> = Promise.resolve()
  let started = false

  const view = ({ accountId, value: mapping }: Entry<Mapping>): MappingView => ({
    accountId,
    mapping,
    kind: driverOf(mapping.eventSourceArn)?.kind ?? 'queue',
    lastProcessingResult: transitions.result(mapping.uuid) ?? 'No records processed',
  })

  const get = async (accountId: string, uuid: string): Promise<Entry<Mapping>> => {
    const entry = await records.get(accountId, mappingScope, uuid)
    if (entry !== undefined) return entry
    throw new ThawError('ResourceNotFound', 'The resource you requested does not exist.')
  }

  /** The function is there, and its source can be read for it. */
  const check = async (accountId: string, mapping: Mapping, driver: SourceDriver): Promise<void> => {
    const timeoutMs = await functionTimeoutMs({ ...mapping, accountId })
    if (timeoutMs === undefined) throw invalid('Function does not exist')
    await driver.check(sourceSettings(accountId, mapping, timeoutMs))
  }

  const assertNew = async (accountId: string, mapping: Mapping): Promise<void> => {
    const { eventSourceArn, functionArn, functionName } = mapping
    const all = await records.list({ accountId, scope: mappingScope })
    const same = all.find(({ value }) => value.eventSourceArn === eventSourceArn && value.functionArn === functionArn)
    if (same === undefined) return
    const existing = `Please update or delete the existing mapping with UUID ${same.key}`
    throw new ThawError(
      'ResourceConflict',
      isSqs(eventSourceArn)
        ? `An event source mapping with SQS arn (" ${eventSourceArn} ") and function (" ${functionName} ") already exists. ${existing}`
        : `The event source arn (" ${eventSourceArn} ") and function (" ${functionName} ") provided mapping already exists. ${existing}`,
    )
  }

  /** Again from the start if someone else was faster. */
  const change = async (
    accountId: string,
    uuid: string,
    decide: (current: Mapping) => Promise<Mapping>,
  ): Promise<Entry<Mapping>> => {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const entry = await get(accountId, uuid)
      const value = await decide(entry.value)
      try {
        return await records.put(accountId, mappingScope, uuid, value, entry.revision)
      } catch (error) {
        if (!(error instanceof ThawError) || error.code !== 'PreconditionFailed') throw error
      }
    }
    throw new ThawError('ResourceConflict', `Too many concurrent changes to ${uuid}: try again.`)
  }

  const follow = (accountId: string, uuid: string): void => {
    if (started) transitions.follow(accountId, uuid)
  }

  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= end())
  const end = async (): Promise<void> => {
    closing = true
    started = false
    await transitions[Symbol.asyncDispose]()
    await leases[Symbol.asyncDispose]()
  }

  return {
    create(accountId, input) {
      const task = async (): Promise<MappingView> => {
        const driver = driverOf(input.eventSourceArn)
        if (driver === undefined) throw unknownSource(input)
        const mapping = newMapping(randomUUID(), input, driver.kind, timers.now())
        if (input.function.accountId !== accountId) throw invalid('Function does not exist')
        await check(accountId, mapping, driver)
        await assertNew(accountId, mapping)
        const entry = await records.put(accountId, mappingScope, mapping.uuid, mapping, 'absent')
        follow(accountId, mapping.uuid)
        return view(entry)
      }
      const mine = creating.then(task, task)
      creating = mine
      return mine
    },

    get: async (accountId, uuid) => view(await get(accountId, uuid)),
    list: async (accountId) => (await records.list({ accountId, scope: mappingScope })).map(view),

    async update(accountId, uuid, input) {
      const entry = await change(accountId, uuid, async (current) => {
        assertSettled(current, 'update')
        const driver = driverOf(current.eventSourceArn)
        if (driver === undefined) throw unknownSource(current)
        const changed = changedMapping(current, input, driver.kind, timers.now())
        if (input.function !== undefined && input.function.accountId !== accountId)
          throw invalid('Function does not exist')
        await check(accountId, changed, driver)
        return changed
      })
      follow(accountId, uuid)
      return view(entry)
    },

    async delete(accountId, uuid) {
      const entry = await change(accountId, uuid, async (current) => {
        assertSettled(current, 'delete')
        return { ...current, state: 'Deleting', lastModified: timers.now() }
      })
      follow(accountId, uuid)
      return view(entry)
    },

    async start() {
      started = true
      for (const { accountId, key } of await records.list()) transitions.follow(accountId, key)
    },

    idle: () => transitions.idle(),

    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function assertSettled({ state }: Mapping, what: 'update' | 'delete'): void {
  if (state === 'Enabled' || state === 'Disabled') return
  throw new ThawError('ResourceInUse', `Cannot ${what} the event source mapping because it is in use.`)
}

/** AWS's own sources first get the words that AWS has for what is missing (recorded: test_create_event_source_validation). */
function unknownSource(source: {
  eventSourceArn: string
  startingPosition?: CreateMappingInput['startingPosition']
}): ThawError {
  const { eventSourceArn, startingPosition } = source
  const service = eventSourceArn.split(':')[2] ?? ''
  if ((service === 'dynamodb' || service === 'kinesis') && startingPosition === undefined)
    return invalid(
      "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    )
  if (service === 'dynamodb' && startingPosition === 'AT_TIMESTAMP')
    return invalid(`Unsupported starting position for arn type: ${eventSourceArn}`)
  return invalid(
    `The event source ${eventSourceArn} is not supported: Thaw reads from its own queues and from the brokers of its configuration.`,
  )
}
