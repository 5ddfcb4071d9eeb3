/** When a schedule fires, within its dates; and what is to be done about what is due. */
import { createHash } from 'node:crypto'
import { parseExpression, type Expression } from './expression.ts'
import { scheduleKey, type Schedule } from './record.ts'
import type { createZones } from './zone.ts'

export type CatchUp = 'none' | 'last' | 'all'

export type Timing = Pick<Schedule, 'expression' | 'timezone' | 'startAt' | 'endAt' | 'baseAt'>

export interface Times {
  /** Undefined if it is none, or the zone is not known. */
  expression(text: string, timezone: string): Expression | undefined
  /** The first firing after that instant, within `startAt` and `endAt` (which one-time schedules do not have on AWS). */
  next(timing: Timing, after: number): number | undefined
}

/** Ours: parsed expressions that are kept at hand. */
const remembered = 1_000

export function createTimes(zones: ReturnType<typeof createZones>): Times {
  const parsed = new Map<string, Expression>()

  const expression = (text: string, timezone: string): Expression | undefined => {
    const key = `${timezone} ${text}`
    const known = parsed.get(key)
    if (known !== undefined) return known
    const zone = zones(timezone)
    const made = zone === undefined ? undefined : parseExpression(text, zone)
    if (parsed.size >= remembered) parsed.clear()
    if (made !== undefined) parsed.set(key, made)
    return made
  }

  return {
    expression,
    next({ expression: text, timezone, startAt, endAt, baseAt }, after) {
      const found = expression(text, timezone)
      if (found === undefined) return undefined
      if (found.kind === 'at') return found.next(after, baseAt)
      const next = found.next(startAt === undefined ? after : Math.max(after, startAt - 1), baseAt)
      return next === undefined || (endAt !== undefined && next > endAt) ? undefined : next
    },
  }
}

/** Where in its flexible window a firing happens: at random, but the same however often it is asked. */
export function flexibleOffsetMs(schedule: Schedule, scheduledAt: number): number {
  if (schedule.flexibleMinutes === 0) return 0
  const hash = createHash('sha256')
    .update(`${scheduleKey(schedule)} ${schedule.createdAt} ${scheduledAt}`)
    .digest()
  return Math.floor((hash.readUInt32BE(0) / 2 ** 32) * schedule.flexibleMinutes * 60_000)
}

/** Ours: within this, a firing that was due before the start is not missed. AWS's precision is a minute. */
const precisionMs = 60_000
/** AWS: a day, and 185 retries. */
export const defaultEventAgeSeconds = 86_400
export const defaultRetryAttempts = 185

/** How long after its time a firing may still be delivered. */
export const eventAgeMs = ({ target }: Schedule): number =>
  (target.maximumEventAgeSeconds ?? defaultEventAgeSeconds) * 1_000

export interface Delivery {
  scheduledAt: number
  /** In its flexible window. */
  dueAt: number
}

/**
 * The first firing from `nextAt` on that is to be delivered; those before it are left out. Undefined: there is none, ever.
 *
 * Only what was due before `startedAt` can be left out, for then nobody was there to deliver it: all that is older than the
 * target's event age; and of the rest with `none` all, with `last` all but the latest, with `all` none.
 */
export function nextDelivery(
  times: Pick<Times, 'next'>,
  schedule: Schedule,
  { startedAt, catchUp }: { startedAt: number; catchUp: CatchUp },
): Delivery | undefined {
  const delivery = (scheduledAt: number): Delivery => ({
    scheduledAt,
    dueAt: scheduledAt + flexibleOffsetMs(schedule, scheduledAt),
  })
  const keptMs = catchUp === 'none' ? precisionMs : eventAgeMs(schedule)
  // A firing happens anywhere in its window.
  const oldest = startedAt - keptMs - schedule.flexibleMinutes * 60_000

  let at = schedule.nextAt
  if (at !== undefined && at < oldest) at = times.next(schedule, oldest - 1)
  while (at !== undefined) {
    const candidate = delivery(at)
    if (candidate.dueAt > startedAt) return candidate
    const following = times.next(schedule, at)
    if (candidate.dueAt >= startedAt - keptMs) {
      if (catchUp !== 'last') return candidate
      if (following === undefined || delivery(following).dueAt > startedAt) return candidate
    }
    at = following
  }
  return undefined
}
