/**
 * Schedule expressions: when does a schedule fire?
 *
 * - `at(yyyy-mm-ddThh:mm:ss)`: once, on the zone's wall clock. A time that is left out in spring is taken as if the clocks
 *   had not yet been set forward; one that comes twice in autumn, when it comes first.
 * - `rate(value unit)`: from the schedule's base on, by elapsed time; summer time makes no difference.
 * - `cron(fields)`: on the zone's wall clock. A time that is left out in spring is left out; one that comes twice in autumn
 *   fires when it comes first (AWS: schedule-types.html, "Daylight savings time").
 */
import { parseCron } from './cron.ts'
import type { Zone } from './zone.ts'

export interface Expression {
  kind: 'at' | 'rate' | 'cron'
  /** The first firing after that instant, ms since the epoch; undefined if there is none. `base` is of rates. */
  next(after: number, base: number): number | undefined
}

const unitMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** Undefined if it is no expression. */
export function parseExpression(text: string, zone: Zone): Expression | undefined {
  const [, kind, inner = ''] = /^(at|rate|cron)\((.*)\)$/.exec(text) ?? []
  if (kind === 'at') return parseAt(inner, zone)
  if (kind === 'rate') return parseRate(inner)
  return kind === 'cron' ? cronExpression(inner, zone) : undefined
}

function parseAt(text: string, zone: Zone): Expression | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return undefined
  const wall = Date.parse(`${text}Z`)
  // Date.parse takes the 30th of February for the 1st of March.
  if (Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(text)) return undefined
  const instant = zone.nearestInstantOf(wall)
  return { kind: 'at', next: (after) => (instant > after ? instant : undefined) }
}

function parseRate(text: string): Expression | undefined {
  const [, digits, unit] = /^([1-9]\d{0,8}) (minute|hour|day)s?$/.exec(text) ?? []
  if (digits === undefined || (unit !== 'minute' && unit !== 'hour' && unit !== 'day')) return undefined
  const stepMs = Number(digits) * unitMs[unit]
  return {
    kind: 'rate',
    next: (after, base) => (after < base ? base : base + (Math.floor((after - base) / stepMs) + 1) * stepMs),
  }
}

function cronExpression(text: string, zone: Zone): Expression | undefined {
  const nextWall = parseCron(text)
  if (nextWall === undefined) return undefined
  return {
    kind: 'cron',
    next(after) {
      // In the hour that comes twice, what the clocks show fired before already: then it is passed over, up to its end.
      for (let wall = nextWall(zone.wallAt(after)); wall !== undefined; wall = nextWall(wall)) {
        const instant = zone.instantOf(wall)
        if (instant !== undefined && instant > after) return instant
      }
      return undefined
    },
  }
}
