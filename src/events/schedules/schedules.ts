/** EventBridge Scheduler's schedules and groups: the operations on them, and their firing in the background. */
import type { Logger } from 'pino'
import { ThawError } from '../../errors.ts'
import type { Documents, Entry } from '../../store/documents.ts'
import type { Timers } from '../timers.ts'
import { createGroups, type Groups } from './groups.ts'
import type { Page, ScheduleFilter, ScheduleInput } from './inputs.ts'
import { scheduleKey, scheduleRecords, scheduleScope, type Schedule } from './record.ts'
import { assertValid, changedSchedule, newSchedule } from './rules.ts'
import { Runner } from './runner.ts'
import { createTargets, type TargetsOptions } from './targets.ts'
import { createTimes, type CatchUp } from './times.ts'
import { createZones } from './zone.ts'

export interface SchedulesOptions extends TargetsOptions {
  documents: Documents
  timers: Timers
  /** What becomes of firings that were missed while the server was down. */
  catchUp: CatchUp
  region: string
  logger: Logger
}

/** What is not there is `ResourceNotFound`, what is wrong with a request `Validation`. */
export interface Schedules extends AsyncDisposable {
  readonly groups: Groups
  /** Errors: `ResourceConflict`. The same `clientToken` again answers as before. */
  create(accountId: string, input: ScheduleInput): Promise<Schedule>
  get(accountId: string, group: string, name: string): Promise<Schedule>
  update(accountId: string, input: ScheduleInput): Promise<Schedule>
  delete(accountId: string, group: string, name: string): Promise<void>
  /** In the order of group and name. */
  list(accountId: string, filter: ScheduleFilter, page: Page): Promise<{ schedules: Schedule[]; token?: string }>
  /** With all that is in it. Errors: `Validation` for the default group. */
  deleteGroup(accountId: string, name: string): Promise<void>
  /** Begins to fire. Once. */
  start(): Promise<void>
  /** Resolves when no firing is under way. */
  idle(): Promise<void>
}

/** A change lost to another five times in a row is contention that the caller should hear of. */
const maxAttempts = 5

export function createSchedules(options: SchedulesOptions): Schedules {
  const { documents, timers, region } = options
  const records = scheduleRecords(documents)
  const groups = createGroups(documents, timers)
  const times = createTimes(createZones())
  const runner = new Runner({ ...options, records, times, targets: createTargets(options) })

  const get = async (accountId: string, group: string, name: string): Promise<Entry<Schedule>> => {
    const entry = await records.get(accountId, scheduleScope, scheduleKey({ group, name }))
    if (entry === undefined) throw new ThawError('ResourceNotFound', `Schedule ${name} does not exist.`)
    return entry
  }

  const remove = async ({ accountId, scope, key }: Pick<Entry<Schedule>, 'accountId' | 'scope' | 'key'>) => {
    await changing(async () => {
      const entry = await records.get(accountId, scope, key)
      if (entry !== undefined) await records.delete(accountId, scope, key, entry.revision)
    })
    runner.forget(accountId, key)
  }

  return {
    groups,

    async create(accountId, input) {
      assertValid(input, { region, accountId }, times, timers.now())
      await groups.get(accountId, input.group)
      const key = scheduleKey(input)
      const schedule = newSchedule(input, times, timers.now())
      try {
        const { value } = await records.put(accountId, scheduleScope, key, schedule, 'absent')
        runner.plan(accountId, value)
        return value
      } catch (error) {
        if (!(error instanceof ThawError) || error.code !== 'ResourceConflict') throw error
        const there = await records.get(accountId, scheduleScope, key)
        if (there !== undefined && input.clientToken !== undefined && there.value.clientToken === input.clientToken)
          return there.value
        throw new ThawError('ResourceConflict', `Schedule ${input.name} already exists.`, { cause: error })
      }
    },

    get: async (accountId, group, name) => (await get(accountId, group, name)).value,

    async update(accountId, input) {
      assertValid(input, { region, accountId }, times, timers.now())
      const updated = await changing(async () => {
        const { scope, key, revision, value } = await get(accountId, input.group, input.name)
        const changed = changedSchedule(value, input, times, timers.now())
        return records.put(accountId, scope, key, changed, revision)
      })
      runner.plan(accountId, updated.value)
      return updated.value
    },

    async delete(accountId, group, name) {
      await remove(await get(accountId, group, name))
    },

    async list(accountId, { group, namePrefix = '', enabled }, { token, limit }) {
      if (group !== undefined) await groups.get(accountId, group)
      const schedules: Schedule[] = []
      let after = token
      for (;;) {
        const place = after === undefined ? {} : { after: { accountId, scope: scheduleScope, key: after } }
        const batch = await records.list({ accountId, scope: scheduleScope, limit: limit + 1, ...place })
        for (const { key, value } of batch) {
          const wanted =
            (group === undefined || value.group === group) &&
            value.name.startsWith(namePrefix) &&
            (enabled === undefined || value.enabled === enabled)
          if (wanted && schedules.length === limit) return { schedules, token: after ?? '' }
          after = key
          if (wanted) schedules.push(value)
        }
        if (batch.length <= limit) return { schedules }
      }
    },

    async deleteGroup(accountId, name) {
      await groups.assertDeletable(accountId, name)
      for (const entry of await records.list({ accountId, scope: scheduleScope }))
        if (entry.value.group === name) await remove(entry)
      await groups.delete(accountId, name)
    },

    start: () => runner.start(),
    idle: () => runner.idle(),
    [Symbol.asyncDispose]: () => runner.stop(),
  }
}

/** Again from the start if someone else was faster. */
async function changing<T>(change: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await change()
    } catch (error) {
      const outrun = error instanceof ThawError && error.code === 'PreconditionFailed'
      if (!outrun) throw error
      if (attempt === maxAttempts)
        throw new ThawError('ResourceConflict', 'Too many concurrent changes: try again.', { cause: error })
    }
  }
}
