/** Schedule groups: names for sets of schedules, with tags. Every account has the group `default`. */
import { ThawError } from '../../errors.ts'
import type { Documents, Entry } from '../../store/documents.ts'
import type { Timers } from '../timers.ts'
import type { Page } from './inputs.ts'
import { defaultGroup, groupRecords, scheduleScope, type ScheduleGroup } from './record.ts'
import { invalid } from './rules.ts'

/** What is not there is `ResourceNotFound`. */
export interface Groups {
  /** Errors: `ResourceConflict`. The same `clientToken` again answers as before. */
  create(accountId: string, input: Pick<ScheduleGroup, 'name' | 'tags' | 'clientToken'>): Promise<ScheduleGroup>
  get(accountId: string, name: string): Promise<ScheduleGroup>
  list(accountId: string, namePrefix: string, page: Page): Promise<{ groups: ScheduleGroup[]; token?: string }>
  /** Errors: `Validation` for the default group. */
  assertDeletable(accountId: string, name: string): Promise<void>
  delete(accountId: string, name: string): Promise<void>
  setTags(
    accountId: string,
    name: string,
    change: (tags: Readonly<Record<string, string>>) => Record<string, string>,
  ): Promise<void>
}

export function createGroups(documents: Documents, timers: Timers): Groups {
  const records = groupRecords(documents)

  const put = async (accountId: string, group: Omit<ScheduleGroup, 'createdAt' | 'modifiedAt'>) => {
    const now = timers.now()
    const made = { ...group, createdAt: now, modifiedAt: now }
    return records.put(accountId, scheduleScope, group.name, made, 'absent')
  }

  /** The default group is there from the first time that somebody asks. */
  const find = async (accountId: string, name: string): Promise<Entry<ScheduleGroup> | undefined> => {
    const found = await records.get(accountId, scheduleScope, name)
    if (found !== undefined || name !== defaultGroup) return found
    return put(accountId, { name, tags: {} }).catch(() => records.get(accountId, scheduleScope, name))
  }

  const get = async (accountId: string, name: string): Promise<Entry<ScheduleGroup>> => {
    const found = await find(accountId, name)
    if (found === undefined) throw new ThawError('ResourceNotFound', `Schedule group ${name} does not exist.`)
    return found
  }

  return {
    async create(accountId, input) {
      const there = await find(accountId, input.name)
      if (there === undefined) return (await put(accountId, input)).value
      if (input.clientToken !== undefined && there.value.clientToken === input.clientToken) return there.value
      throw new ThawError('ResourceConflict', `Schedule group ${input.name} already exists.`)
    },

    get: async (accountId, name) => (await get(accountId, name)).value,

    async list(accountId, namePrefix, { token, limit }) {
      await find(accountId, defaultGroup)
      const all = await records.list({ accountId, scope: scheduleScope })
      const wanted = all.map(({ value }) => value).filter(({ name }) => name.startsWith(namePrefix))
      const left = token === undefined ? wanted : wanted.filter(({ name }) => name > token)
      const groups = left.slice(0, limit)
      const last = groups.at(-1)
      return left.length > limit && last !== undefined ? { groups, token: last.name } : { groups }
    },

    async assertDeletable(accountId, name) {
      if (name === defaultGroup) throw invalid('Deleting the default schedule group is not allowed.')
      await get(accountId, name)
    },

    async delete(accountId, name) {
      const { scope, key, revision } = await get(accountId, name)
      await records.delete(accountId, scope, key, revision)
    },

    async setTags(accountId, name, change) {
      const { scope, key, revision, value } = await get(accountId, name)
      await records.put(accountId, scope, key, { ...value, tags: change(value.tags) }, revision)
    },
  }
}
