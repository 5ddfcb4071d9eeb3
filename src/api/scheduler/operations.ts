/** The operations of EventBridge Scheduler on schedules. */
import type { ScheduleInput } from '../../events/schedules/inputs.ts'
import { defaultGroup, scheduleArn, type Place } from '../../events/schedules/record.ts'
import type { Schedules } from '../../events/schedules/schedules.ts'
import { parseRequest } from '../members.ts'
import { readJson } from '../request-parts.ts'
import type { ApiContext } from '../context.ts'
import { presentSchedule, summarizeSchedule } from './present.ts'
import { listSchedulesSchema, scheduleNameSchema, scheduleSchema, type ScheduleRequest } from './schemas.ts'
import { fromToken, toToken } from './tokens.ts'

/** What a request says, besides its path. */
export interface SchedulerRequest {
  c: ApiContext
  place: Place
  /** The path's last part, percent-decoded. */
  name: string
}

export type SchedulerOperation = (request: SchedulerRequest) => Promise<unknown>

/** AWS: 100 a page. */
export const defaultPage = 100

export function createScheduleOperations(schedules: Schedules): Record<string, SchedulerOperation> {
  const named = ({ c, name }: SchedulerRequest) => {
    const { Name, GroupName = defaultGroup } = parseRequest(scheduleNameSchema, {
      Name: name,
      GroupName: c.req.query('groupName'),
    })
    return { name: Name, group: GroupName }
  }

  const inputOf = async ({ c, name }: SchedulerRequest): Promise<ScheduleInput> =>
    toInput(parseRequest(scheduleSchema, { ...(await readJson(c)), Name: name }))

  return {
    async CreateSchedule(request) {
      const schedule = await schedules.create(request.place.accountId, await inputOf(request))
      return { ScheduleArn: scheduleArn(request.place, schedule) }
    },

    async GetSchedule(request) {
      const { name, group } = named(request)
      return presentSchedule(request.place, await schedules.get(request.place.accountId, group, name))
    },

    async UpdateSchedule(request) {
      const schedule = await schedules.update(request.place.accountId, await inputOf(request))
      return { ScheduleArn: scheduleArn(request.place, schedule) }
    },

    async DeleteSchedule(request) {
      const { name, group } = named(request)
      await schedules.delete(request.place.accountId, group, name)
      return {}
    },

    async ListSchedules({ c, place }) {
      const query = parseRequest(listSchedulesSchema, {
        GroupName: c.req.query('ScheduleGroup'),
        NamePrefix: c.req.query('NamePrefix'),
        State: c.req.query('State'),
        NextToken: c.req.query('NextToken'),
        MaxResults: c.req.query('MaxResults'),
      })
      const { GroupName: group, NamePrefix: namePrefix, State, NextToken, MaxResults = defaultPage } = query
      const enabled = State === undefined ? undefined : State === 'ENABLED'
      const page = { token: fromToken(NextToken), limit: MaxResults }
      const found = await schedules.list(place.accountId, { group, namePrefix, enabled }, page)
      return {
        Schedules: found.schedules.map((schedule) => summarizeSchedule(place, schedule)),
        NextToken: toToken(found.token),
      }
    },
  }
}

function toInput(request: ScheduleRequest): ScheduleInput {
  const { Target: target, FlexibleTimeWindow: window } = request
  const { RetryPolicy: retry, DeadLetterConfig: deadLetter, SqsParameters: sqs, Input: input } = target
  return {
    name: request.Name,
    group: request.GroupName ?? defaultGroup,
    description: request.Description,
    expression: request.ScheduleExpression,
    timezone: request.ScheduleExpressionTimezone ?? 'UTC',
    startAt: request.StartDate,
    endAt: request.EndDate,
    flexibleMinutes: window.MaximumWindowInMinutes ?? 0,
    enabled: request.State !== 'DISABLED',
    deleteAfterCompletion: request.ActionAfterCompletion === 'DELETE',
    clientToken: request.ClientToken,
    target: {
      arn: target.Arn,
      roleArn: target.RoleArn,
      ...(input === undefined ? {} : { input }),
      ...(deadLetter?.Arn === undefined ? {} : { deadLetterArn: deadLetter.Arn }),
      ...(retry?.MaximumEventAgeInSeconds === undefined
        ? {}
        : { maximumEventAgeSeconds: retry.MaximumEventAgeInSeconds }),
      ...(retry?.MaximumRetryAttempts === undefined ? {} : { maximumRetryAttempts: retry.MaximumRetryAttempts }),
      ...(sqs?.MessageGroupId === undefined ? {} : { messageGroupId: sqs.MessageGroupId }),
    },
  }
}
