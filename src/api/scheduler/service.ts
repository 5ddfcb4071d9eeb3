/** EventBridge Scheduler's REST API over Thaw's own schedules: what `@aws-sdk/client-scheduler` speaks. */
import type { Logger } from 'pino'
import type { Schedules } from '../../events/schedules/schedules.ts'
import type { ApiContext, Service } from '../context.ts'
import { schedulerError } from './errors.ts'
import { createGroupOperations } from './group-operations.ts'
import { createScheduleOperations, type SchedulerOperation } from './operations.ts'

export interface SchedulerServiceOptions {
  schedules: Schedules
  region: string
  logger: Logger
}

/** By collection and method; `list` is a GET of the collection itself. */
const routes: Record<string, Record<string, string>> = {
  schedules: {
    list: 'ListSchedules',
    POST: 'CreateSchedule',
    GET: 'GetSchedule',
    PUT: 'UpdateSchedule',
    DELETE: 'DeleteSchedule',
  },
  'schedule-groups': {
    list: 'ListScheduleGroups',
    POST: 'CreateScheduleGroup',
    GET: 'GetScheduleGroup',
    DELETE: 'DeleteScheduleGroup',
  },
  tags: { POST: 'TagResource', GET: 'ListTagsForResource', DELETE: 'UntagResource' },
}

export function createSchedulerService({ schedules, region, logger }: SchedulerServiceOptions): Service {
  const operations: Record<string, SchedulerOperation> = {
    ...createScheduleOperations(schedules),
    ...createGroupOperations(schedules),
  }

  return {
    signingName: 'scheduler',
    matches: (c) => routeOf(c) !== undefined,

    async handle(c) {
      const { operation, name } = routeOf(c) ?? { operation: '', name: '' }
      try {
        const run = operations[operation]
        if (run === undefined) return c.notFound()
        const place = { region, accountId: c.get('caller').accountId }
        return Response.json(await run({ c, place, name }))
      } catch (error) {
        const answer = schedulerError(error)
        if (answer.status >= 500) logger.error({ err: error, operation }, 'Scheduler request failed')
        return answer
      }
    },
  }
}

/** Undefined if the request is not for this service. Lambda's own tags are below a date. */
function routeOf(c: ApiContext): { operation: string; name: string } | undefined {
  const [, collection = '', name = ''] =
    /^\/(schedules|schedule-groups|tags)(?:\/([^/]+|arn:.+))?\/?$/.exec(c.req.path) ?? []
  const decoded = decode(name)
  if (decoded === undefined || (collection === 'tags' && !decoded.startsWith('arn:aws:scheduler:'))) return undefined
  const operation = routes[collection]?.[name === '' && c.req.method === 'GET' ? 'list' : c.req.method]
  return operation === undefined ? undefined : { operation, name: decoded }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
