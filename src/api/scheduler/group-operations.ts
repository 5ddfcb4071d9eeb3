/** The operations of EventBridge Scheduler on groups and their tags. Only groups have tags. */
import { ThawError } from '../../errors.ts'
import { groupArn, type Place } from '../../events/schedules/record.ts'
import type { Schedules } from '../../events/schedules/schedules.ts'
import { parseRequest } from '../members.ts'
import { readJson } from '../request-parts.ts'
import { defaultPage, type SchedulerOperation, type SchedulerRequest } from './operations.ts'
import { presentGroup } from './present.ts'
import { createGroupSchema, groupNameSchema, listGroupsSchema, tagSchema } from './schemas.ts'
import { fromToken, toToken } from './tokens.ts'

/** AWS: tags a resource may have. */
const maxTags = 50

export function createGroupOperations(schedules: Schedules): Record<string, SchedulerOperation> {
  const { groups } = schedules
  const named = ({ name }: SchedulerRequest): string => parseRequest(groupNameSchema, { Name: name }).Name

  return {
    async CreateScheduleGroup({ c, place, name }) {
      const request = parseRequest(createGroupSchema, { ...(await readJson(c)), Name: name })
      const { Name, Tags = [], ClientToken: clientToken } = request
      const tags = tagged({}, Tags)
      const token = clientToken === undefined ? {} : { clientToken }
      const group = await groups.create(place.accountId, { name: Name, tags, ...token })
      return { ScheduleGroupArn: groupArn(place, group.name) }
    },

    async GetScheduleGroup(request) {
      return presentGroup(request.place, await groups.get(request.place.accountId, named(request)))
    },

    async DeleteScheduleGroup(request) {
      await schedules.deleteGroup(request.place.accountId, named(request))
      return {}
    },

    async ListScheduleGroups({ c, place }) {
      const query = parseRequest(listGroupsSchema, {
        NamePrefix: c.req.query('NamePrefix'),
        NextToken: c.req.query('NextToken'),
        MaxResults: c.req.query('MaxResults'),
      })
      const { NamePrefix = '', NextToken, MaxResults = defaultPage } = query
      const found = await groups.list(place.accountId, NamePrefix, { token: fromToken(NextToken), limit: MaxResults })
      return {
        ScheduleGroups: found.groups.map((group) => presentGroup(place, group)),
        NextToken: toToken(found.token),
      }
    },

    async ListTagsForResource({ place, name }) {
      const { tags } = await groups.get(place.accountId, groupOf(name, place))
      return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }
    },

    async TagResource({ c, place, name }) {
      const { Tags } = parseRequest(tagSchema, await readJson(c))
      await groups.setTags(place.accountId, groupOf(name, place), (tags) => tagged(tags, Tags))
      return {}
    },

    async UntagResource({ c, place, name }) {
      const keys = new Set(c.req.queries('TagKeys'))
      const without = (tags: Readonly<Record<string, string>>) =>
        Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.has(key)))
      await groups.setTags(place.accountId, groupOf(name, place), without)
      return {}
    },
  }
}

function tagged(tags: Readonly<Record<string, string>>, more: readonly { Key: string; Value: string }[]) {
  const all = { ...tags, ...Object.fromEntries(more.map(({ Key, Value }) => [Key, Value])) }
  if (Object.keys(all).length > maxTags)
    throw new ThawError('Validation', `A schedule group has at most ${maxTags} tags.`)
  return all
}

/** Of the own account's group that the ARN names. */
function groupOf(arn: string, place: Place): string {
  const [, name] = /:schedule-group\/([0-9a-zA-Z-_.]{1,64})$/.exec(arn) ?? []
  if (name === undefined || groupArn(place, name) !== arn)
    throw new ThawError('ResourceNotFound', `Resource ${arn} does not exist.`)
  return name
}
