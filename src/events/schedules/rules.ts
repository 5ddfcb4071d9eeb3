/** Rules on what a schedule may be, beyond the shape of the request. All errors: `Validation`. */
import { ThawError } from '../../errors.ts'
import { functionTarget } from '../destinations.ts'
import type { ScheduleInput } from './inputs.ts'
import { fillIn } from './payload.ts'
import type { Place, Schedule } from './record.ts'
import type { Times } from './times.ts'

export const invalid = (message: string) => new ThawError('Validation', message)

/** AWS: a start date lies at most so far back. */
const startToleranceMs = 300_000
/** Ours: a one-time schedule for this very minute still fires (AWS's precision is a minute). */
const onceToleranceMs = 60_000

export function assertValid(input: ScheduleInput, place: Place, times: Times, now: number): void {
  const { expression, timezone, startAt, endAt } = input
  // The zone first, by an expression that is good in any.
  if (times.expression('rate(1 minute)', timezone) === undefined)
    throw invalid(`Invalid ScheduleExpressionTimezone ${timezone}.`)
  if (times.expression(expression, timezone) === undefined) throw invalid(`Invalid Schedule Expression ${expression}.`)
  if (startAt !== undefined && startAt < now - startToleranceMs)
    throw invalid('The StartDate you specify cannot be earlier than 5 minutes ago.')
  if (endAt !== undefined && endAt <= Math.max(now, startAt ?? now))
    throw invalid('The EndDate you specify must come after the StartDate and be in the future.')
  assertTarget(input, place)
}

function assertTarget({ target }: ScheduleInput, place: Place): void {
  const { arn, input, deadLetterArn, messageGroupId } = target
  const queue = ownQueue(arn, place)
  if (queue === undefined && !isOwnFunction(arn, place))
    throw invalid(
      `Provided Arn is not in correct format or not supported: ${arn}. Name a function or a queue of Thaw's.`,
    )
  if (messageGroupId !== undefined && queue === undefined) throw invalid('SqsParameters are for queues.')
  if (queue?.endsWith('.fifo') === true && messageGroupId === undefined)
    throw invalid('MessageGroupId is required in SqsParameters for a FIFO queue.')
  if (queue === undefined && input !== undefined && !isJson(fillIn(input, samples)))
    throw invalid('Invalid Input: it must be JSON for a function.')
  if (deadLetterArn === undefined) return
  const deadLetter = ownQueue(deadLetterArn, place)
  if (deadLetter === undefined || deadLetter.endsWith('.fifo'))
    throw invalid(`${deadLetterArn} is not supported as a dead-letter queue: name a standard queue of Thaw's.`)
}

const samples = { 'schedule-arn': '', 'scheduled-time': '', 'execution-id': '', 'attempt-number': '1' }

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The queue's name. */
function ownQueue(arn: string, { region, accountId }: Place): string | undefined {
  const [, ofRegion, ofAccount, name] = /^arn:aws[a-z-]*:sqs:([^:]+):(\d{12}):([\w-]{1,80}(?:\.fifo)?)$/.exec(arn) ?? []
  return ofRegion === region && ofAccount === accountId ? name : undefined
}

function isOwnFunction(arn: string, { region, accountId }: Place): boolean {
  return functionTarget(arn)?.accountId === accountId && arn.split(':')[3] === region
}

/** A new schedule, with its first firing. */
export function newSchedule(input: ScheduleInput, times: Times, now: number): Schedule {
  const { startAt } = input
  const schedule = { ...settingsOf(input), createdAt: now, modifiedAt: now, baseAt: startAt ?? now }
  return withNext(schedule, times, now)
}

/** What an update makes of it. Times that do not change keep what is already due; a rate keeps its base. */
export function changedSchedule(current: Schedule, input: ScheduleInput, times: Times, now: number): Schedule {
  const { createdAt, lastFiredAt, nextAt, clientToken } = current
  const settings = settingsOf(input)
  const same =
    current.expression === settings.expression &&
    current.timezone === settings.timezone &&
    current.startAt === settings.startAt &&
    current.endAt === settings.endAt
  const changed: Schedule = {
    ...settings,
    createdAt,
    modifiedAt: now,
    baseAt: same ? current.baseAt : (settings.startAt ?? now),
    ...(lastFiredAt === undefined ? {} : { lastFiredAt }),
    ...(clientToken === undefined ? {} : { clientToken }),
  }
  if (same && current.enabled && settings.enabled) return nextAt === undefined ? changed : { ...changed, nextAt }
  return withNext(changed, times, now)
}

function settingsOf(input: ScheduleInput) {
  const { description, startAt, endAt, clientToken, ...rest } = input
  return {
    ...rest,
    ...(description === undefined ? {} : { description }),
    ...(startAt === undefined ? {} : { startAt }),
    ...(endAt === undefined ? {} : { endAt }),
    ...(clientToken === undefined ? {} : { clientToken }),
  }
}

/** From now on. A disabled one has none. */
function withNext(schedule: Schedule, times: Times, now: number): Schedule {
  if (!schedule.enabled) return schedule
  const kind = times.expression(schedule.expression, schedule.timezone)?.kind
  // A rate begins at once.
  const sinceMs = kind === 'at' ? onceToleranceMs : kind === 'rate' ? 1 : 0
  const nextAt = times.next(schedule, now - sinceMs)
  return nextAt === undefined ? schedule : { ...schedule, nextAt }
}
