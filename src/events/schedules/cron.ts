/**
 * AWS's cron expressions: `minutes hours day-of-month month day-of-week year`, on a wall clock
 * (docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html, "Cron-based schedules").
 */
import { Cron } from 'croner'

/** The next time on the wall clock that is matched, after that one; undefined if there is none up to 2199. */
export type NextWall = (wall: number) => number | undefined

interface Field {
  min: number
  max: number
  names: readonly string[]
}

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const weekdays = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

const fields = {
  minutes: { min: 0, max: 59, names: [] },
  hours: { min: 0, max: 23, names: [] },
  dayOfMonth: { min: 1, max: 31, names: [] },
  month: { min: 1, max: 12, names: months },
  dayOfWeek: { min: 1, max: 7, names: weekdays },
  year: { min: 1_970, max: 2_199, names: [] },
} satisfies Record<string, Field>

/** What stands between the parentheses. Undefined if it is no expression. */
export function parseCron(text: string): NextWall | undefined {
  const [minutes, hours, dayOfMonth, month, dayOfWeek, year, ...more] = text.trim().split(/\s+/)
  if (year === undefined || more.length > 0) return undefined
  // One of the two days has to be left open.
  if ((dayOfMonth === '?') === (dayOfWeek === '?')) return undefined
  const parts = [
    list(minutes, fields.minutes),
    list(hours, fields.hours),
    days(dayOfMonth),
    list(month, fields.month),
    weekday(dayOfWeek),
    list(year, fields.year),
  ]
  if (parts.some((part) => part === undefined)) return undefined
  const pattern = ['0', ...parts].join(' ')
  try {
    // A wall clock has no zone and no summer time, as UTC. AWS counts weekdays from SUN = 1.
    const cron = new Cron(pattern, { mode: '7-part', utcOffset: 0, alternativeWeekdays: true, paused: true })
    return (wall) => {
      const next = cron.nextRun(new Date(wall))
      return next === null || next.getUTCFullYear() > fields.year.max ? undefined : next.getTime()
    }
  } catch {
    return undefined
  }
}

/** `?`, `*` and lists; `L` the last day, `15W` the weekday nearest to the 15th, `LW` the last one. */
function days(text = ''): string | undefined {
  if (text === '?') return '*'
  if (text === 'L' || text === 'LW') return text
  const nearest = /^(\d{1,2})W$/.exec(text)
  if (nearest !== null) return number(nearest[1], fields.dayOfMonth) === undefined ? undefined : text
  return list(text, fields.dayOfMonth)
}

/** `?`, `*` and lists; `L` Saturday, `6L` the last Friday of the month, `3#2` its second Tuesday. */
function weekday(text = ''): string | undefined {
  if (text === '?') return '*'
  if (text === 'L') return '7'
  const [, day, suffix] = /^(\w+?)(L|#[1-5])$/.exec(text) ?? []
  if (day !== undefined && suffix !== undefined) {
    const value = number(day, fields.dayOfWeek)
    // croner's word for the last of a month.
    return value === undefined ? undefined : `${value}${suffix === 'L' ? '#L' : suffix}`
  }
  return list(text, fields.dayOfWeek)
}

function list(text: string | undefined, field: Field): string | undefined {
  const items = (text ?? '').split(',').map((item) => range(item, field))
  return items.some((item) => item === undefined) ? undefined : items.join(',')
}

/** `*`, `a`, `a-b`, and each with a step: `a/5` goes from a to the field's end. */
function range(text: string, field: Field): string | undefined {
  const [, from, to, step] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d{1,4}))?$/.exec(text) ?? []
  if (from === undefined || (from === '*' && to !== undefined)) return undefined
  const first = from === '*' ? field.min : number(from, field)
  const last = to === undefined ? (from === '*' || step !== undefined ? field.max : first) : number(to, field)
  const stride = step === undefined ? 1 : Number(step)
  if (first === undefined || last === undefined || last < first || stride < 1) return undefined
  if (from === '*' && stride === 1) return '*'
  if (first === last) return String(first)
  // croner takes no step beyond the field's width, where only the first value is left.
  if (stride > last - first) return String(first)
  return `${first}-${last}${stride === 1 ? '' : `/${stride}`}`
}

function number(text: string | undefined, { min, max, names }: Field): number | undefined {
  const named = names.indexOf((text ?? '').toUpperCase())
  if (named !== -1) return named + min
  if (!/^\d{1,4}$/.test(text ?? '')) return undefined
  const value = Number(text)
  return value < min || value > max ? undefined : value
}
