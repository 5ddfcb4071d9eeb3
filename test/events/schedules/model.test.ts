/** Next firings against a model that walks the clock minute by minute, and days against the calendar. */
import {
  assert,
  boolean,
  constant,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  tuple,
  uniqueArray,
  type Arbitrary,
} from 'fast-check'
import { expect, it } from 'vitest'
import { parseExpression } from '../../../src/events/schedules/expression.ts'
import { createZone, type Zone } from '../../../src/events/schedules/zone.ts'

const minuteMs = 60_000

function zoneOf(name: string): Zone {
  const zone = createZone(name)
  if (zone === undefined) throw new Error(`no zone ${name}`)
  return zone
}

/** A field's text, and what it matches. */
interface Field {
  text: string
  matches(value: number): boolean
}

const any: Field = { text: '*', matches: () => true }
const field = (min: number, max: number): Arbitrary<Field> => {
  const value = integer({ min, max })
  return oneof(
    // So that some cases fire around the change of the clocks.
    { weight: 6, arbitrary: constant(any) },
    uniqueArray(value, { minLength: 1, maxLength: 4 }).map((values): Field => ({
      text: values.join(','),
      matches: (candidate) => values.includes(candidate),
    })),
    tuple(value, value).map(([one, other]): Field => {
      const [from, to] = [Math.min(one, other), Math.max(one, other)]
      return { text: `${from}-${to}`, matches: (candidate) => candidate >= from && candidate <= to }
    }),
    tuple(value, integer({ min: 1, max: max - min + 3 })).map(([from, step]): Field => ({
      text: `${from}/${step}`,
      matches: (candidate) => candidate >= from && (candidate - from) % step === 0,
    })),
  )
}

/** Around changes of the clocks, and elsewhere. */
const starts = [
  ['America/New_York', '2026-03-08T04:00:00Z'],
  ['America/New_York', '2026-11-01T03:00:00Z'],
  ['Europe/Berlin', '2026-03-29T00:00:00Z'],
  ['Europe/Berlin', '2026-10-24T22:30:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T12:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T12:00:00Z'],
  ['Asia/Kolkata', '2026-12-31T18:00:00Z'],
  ['UTC', '2028-02-28T12:00:00Z'],
] as const

/** What the clocks show, by another way than the code's: `2026-03-08 03:15:00`. */
function wallText(format: Intl.DateTimeFormat, instant: number): string {
  return format.format(instant)
}

it('cron fires at each matching time of the wall clock, the first time it is shown', () => {
  const hours = 30
  const cases = record({
    start: constantFrom(...starts),
    offset: integer({ min: 0, max: 600 }),
    minutes: field(0, 59),
    hour: field(0, 23),
    day: field(1, 31),
    weekday: field(1, 7),
    byWeekday: boolean(),
  })
  assert(
    property(cases, ({ start: [name, from], offset, minutes, hour, day, weekday, byWeekday }) => {
      const days = byWeekday ? `? * ${weekday.text}` : `${day.text} * ?`
      const expression = parseExpression(`cron(${minutes.text} ${hour.text} ${days} *)`, zoneOf(name))
      const after = Date.parse(from) + offset * minuteMs
      const format = new Intl.DateTimeFormat('sv-SE', { timeZone: name, dateStyle: 'short', timeStyle: 'medium' })
      const shown = new Set<string>()
      const expected: number[] = []
      // From before the last change of the clocks, so that what was shown already is known.
      for (let at = after - 180 * minuteMs; at <= after + hours * 60 * minuteMs; at += minuteMs) {
        const text = wallText(format, at)
        const first = !shown.has(text)
        shown.add(text)
        const wall = new Date(`${text.replace(' ', 'T')}Z`)
        const matches =
          minutes.matches(wall.getUTCMinutes()) &&
          hour.matches(wall.getUTCHours()) &&
          (byWeekday ? weekday.matches(wall.getUTCDay() + 1) : day.matches(wall.getUTCDate()))
        if (at > after && first && matches) expected.push(at)
      }
      const found: number[] = []
      let at = expression?.next(after, after)
      while (at !== undefined && at <= after + hours * 60 * minuteMs && found.length <= expected.length) {
        found.push(at)
        at = expression?.next(at, after)
      }
      expect(found).toEqual(expected)
    }),
    { numRuns: 100 },
  )
})

it('L, W and # name the days that the calendar says', () => {
  const zone = zoneOf('UTC')
  const cases = record({
    year: integer({ min: 2026, max: 2060 }),
    month: integer({ min: 1, max: 12 }),
    weekday: integer({ min: 1, max: 7 }),
    nth: integer({ min: 1, max: 5 }),
    day: integer({ min: 1, max: 31 }),
    form: constantFrom('L', 'LW', 'W', '#', 'nL'),
  })
  assert(
    property(cases, ({ year, month, weekday, nth, day, form }) => {
      const length = new Date(Date.UTC(year, month, 0)).getUTCDate()
      const all = Array.from({ length }, (_, index) => index + 1)
      const weekdayOf = (date: number): number => new Date(Date.UTC(year, month - 1, date)).getUTCDay() + 1
      const working = all.filter((date) => weekdayOf(date) !== 1 && weekdayOf(date) !== 7)
      const distance = (date: number) => Math.abs(date - day)
      const named = all.filter((date) => weekdayOf(date) === weekday)
      const forms = {
        L: ['L * ?', [length]],
        LW: ['LW * ?', working.slice(-1)],
        // Within the month; a weekend has its nearer side, and no day of a month that is too short.
        W: [`${day}W * ?`, day > length ? [] : working.toSorted((a, b) => distance(a) - distance(b)).slice(0, 1)],
        '#': [`? * ${weekday}#${nth}`, named.slice(nth - 1, nth)],
        nL: [`? * ${weekday}L`, named.slice(-1)],
      } as const
      const [days, expected] = forms[form]
      const expression = parseExpression(`cron(0 12 ${days.replace('*', String(month))} ${year})`, zone)
      const found: number[] = []
      let at = expression?.next(Date.UTC(year, 0, 1), 0)
      while (at !== undefined && found.length < 3) {
        found.push(new Date(at).getUTCDate())
        at = expression?.next(at, 0)
      }
      expect(found).toEqual(expected)
    }),
    { numRuns: 300 },
  )
})

it('a rate fires in equal steps from its base', () => {
  const units = [
    ['minutes', 1],
    ['hours', 60],
    ['days', 1_440],
  ] as const
  const cases = record({
    value: integer({ min: 1, max: 50 }),
    unit: constantFrom(...units),
    base: integer({ min: 0, max: 4e9 }),
    ahead: integer({ min: -1e8, max: 1e9 }),
  })
  assert(
    property(cases, ({ value, unit: [unit, minutes], base, ahead }) => {
      const expression = parseExpression(`rate(${value} ${unit})`, zoneOf('UTC'))
      const after = base + ahead
      let expected = base
      while (expected <= after) expected += value * minutes * minuteMs
      expect(expression?.next(after, base)).toBe(expected)
    }),
  )
})
