import { describe, expect, it } from 'vitest'
import { parseExpression } from '../../../src/events/schedules/expression.ts'
import { createZone } from '../../../src/events/schedules/zone.ts'

/** The first firings after an instant, as ISO text without milliseconds. */
function firings(expression: string, zoneName: string, after: string, count: number, base = after): string[] {
  const zone = createZone(zoneName)
  if (zone === undefined) throw new Error('no such zone')
  const parsed = parseExpression(expression, zone)
  if (parsed === undefined) throw new Error('no expression')
  const found: string[] = []
  let at: number | undefined = Date.parse(after)
  while (found.length < count) {
    at = parsed.next(at, Date.parse(base))
    if (at === undefined) break
    found.push(new Date(at).toISOString().replace('.000', ''))
  }
  return found
}

const parses = (expression: string): boolean => {
  const zone = createZone('UTC')
  return zone !== undefined && parseExpression(expression, zone) !== undefined
}

describe('expressions', () => {
  // Those of the user guide, "Cron-based schedules", among them.
  it.each([
    ['cron(0 10 * * ? *)', ['2026-01-01T10:00:00Z', '2026-01-02T10:00:00Z']],
    ['cron(15 12 * * ? *)', ['2026-01-01T12:15:00Z', '2026-01-02T12:15:00Z']],
    ['cron(0 18 ? * MON-FRI *)', ['2026-01-01T18:00:00Z', '2026-01-02T18:00:00Z', '2026-01-05T18:00:00Z']],
    ['cron(0 8 1 * ? *)', ['2026-02-01T08:00:00Z', '2026-03-01T08:00:00Z']],
    ['cron(0/15 * * * ? *)', ['2026-01-01T09:15:00Z', '2026-01-01T09:30:00Z']],
    ['cron(0/5 8-17 ? * MON-FRI *)', ['2026-01-01T09:05:00Z', '2026-01-01T09:10:00Z']],
    ['cron(0 9 ? * 2#1 *)', ['2026-01-05T09:00:00Z', '2026-02-02T09:00:00Z']],
    ['cron(15 10 ? * 6L 2019-2026)', ['2026-01-30T10:15:00Z', '2026-02-27T10:15:00Z']],
    ['cron(0 0 L * ? *)', ['2026-01-31T00:00:00Z', '2026-02-28T00:00:00Z']],
    ['cron(0 0 LW * ? *)', ['2026-01-30T00:00:00Z', '2026-02-27T00:00:00Z']],
    ['cron(0 0 ? * 1 *)', ['2026-01-04T00:00:00Z', '2026-01-11T00:00:00Z']],
    ['cron(0 0 ? * L *)', ['2026-01-03T00:00:00Z', '2026-01-10T00:00:00Z']],
    ['cron(0 0 29 FEB ? *)', ['2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z']],
    ['cron(0 0 1 1 ? 2199)', ['2199-01-01T00:00:00Z']],
    ['rate(1 minute)', ['2026-01-01T09:01:00Z', '2026-01-01T09:02:00Z']],
    ['rate(36 hours)', ['2026-01-02T21:00:00Z', '2026-01-04T09:00:00Z']],
    ['at(2026-02-28T12:34:56)', ['2026-02-28T12:34:56Z']],
    ['at(2025-12-31T00:00:00)', []],
    ['cron(0 0 30 2 ? *)', []],
    ['cron(0 0 1 1 ? 2020)', []],
  ])('%s', (expression, expected) => {
    expect(firings(expression, 'UTC', '2026-01-01T09:00:00Z', Math.max(expected.length, 1))).toEqual(expected)
  })

  it('a rate fires at its base first, and then in step with it', () => {
    expect(firings('rate(10 minutes)', 'UTC', '2026-01-01T08:59:59Z', 2, '2026-01-01T09:00:00Z')).toEqual([
      '2026-01-01T09:00:00Z',
      '2026-01-01T09:10:00Z',
    ])
    expect(firings('rate(10 minutes)', 'UTC', '2026-01-01T09:27:00Z', 1, '2026-01-01T09:00:00Z')).toEqual([
      '2026-01-01T09:30:00Z',
    ])
  })

  it.each([
    'cron(* * * * * *)',
    'cron(* * ? * ? *)',
    'cron(60 * * * ? *)',
    'cron(* 24 * * ? *)',
    'cron(* * 0 * ? *)',
    'cron(* * 32 * ? *)',
    'cron(* * * 13 ? *)',
    'cron(* * ? * 0 *)',
    'cron(* * ? * 8 *)',
    'cron(* * ? * MON#6 *)',
    'cron(* * 32W * ? *)',
    'cron(* * * * ? 1969)',
    'cron(* * * * ? 2200)',
    'cron(5-1 * * * ? *)',
    'cron(*/0 * * * ? *)',
    'cron(* * * * ?)',
    'cron(* * * * ? * *)',
    'cron(1,,2 * * * ? *)',
    'cron(MON * * * ? *)',
    'cron()',
    'cron(@daily)',
    'rate(0 minutes)',
    'rate(-1 minutes)',
    'rate(1.5 hours)',
    'rate(5 seconds)',
    'rate(5minutes)',
    'at(2026-02-30T00:00:00)',
    'at(2026-01-01T24:00:00)',
    'at(2026-01-01T00:00:00Z)',
    'at(tomorrow)',
    'rate(1 minute) ',
    'every minute',
    '',
  ])('%s is none', (expression) => {
    expect(parses(expression)).toBe(false)
  })

  it('steps begin where they say, and may be wider than the field', () => {
    expect(firings('cron(50/20 9 * * ? *)', 'UTC', '2026-01-01T09:00:00Z', 2)).toEqual([
      '2026-01-01T09:50:00Z',
      '2026-01-02T09:50:00Z',
    ])
    expect(firings('cron(10-30/10 9 * * ? *)', 'UTC', '2026-01-01T09:00:00Z', 4)).toEqual([
      '2026-01-01T09:10:00Z',
      '2026-01-01T09:20:00Z',
      '2026-01-01T09:30:00Z',
      '2026-01-02T09:10:00Z',
    ])
  })
})

describe('summer time', () => {
  const newYork = 'America/New_York'
  // 2026: forward on 8 March 2:00 EST = 7:00 UTC; back on 1 November 2:00 EDT = 6:00 UTC.
  const spring = '2026-03-07T12:00:00Z'
  const autumn = '2026-10-31T12:00:00Z'

  it('a time that is left out does not fire that day', () => {
    expect(firings('cron(30 2 * * ? *)', newYork, '2026-03-07T00:00:00Z', 2)).toEqual([
      '2026-03-07T07:30:00Z',
      '2026-03-09T06:30:00Z',
    ])
  })

  it('a time after the change fires by the new offset', () => {
    expect(firings('cron(0 3 * * ? *)', newYork, spring, 2)).toEqual(['2026-03-08T07:00:00Z', '2026-03-09T07:00:00Z'])
  })

  it('every quarter of an hour goes on without a gap in spring', () => {
    expect(firings('cron(0/15 * * * ? *)', newYork, '2026-03-08T06:40:00Z', 3)).toEqual([
      '2026-03-08T06:45:00Z',
      '2026-03-08T07:00:00Z',
      '2026-03-08T07:15:00Z',
    ])
  })

  it('a time that comes twice fires once, when it comes first', () => {
    expect(firings('cron(30 1 * * ? *)', newYork, autumn, 2)).toEqual(['2026-11-01T05:30:00Z', '2026-11-02T06:30:00Z'])
    expect(firings('cron(0/30 * * * ? *)', newYork, '2026-11-01T04:59:00Z', 4)).toEqual([
      '2026-11-01T05:00:00Z',
      '2026-11-01T05:30:00Z',
      '2026-11-01T07:00:00Z',
      '2026-11-01T07:30:00Z',
    ])
  })

  it('asked within the second pass, it waits for its end', () => {
    expect(firings('cron(0/10 * * * ? *)', newYork, '2026-11-01T06:20:00Z', 1)).toEqual(['2026-11-01T07:00:00Z'])
  })

  it('a rate takes no notice', () => {
    expect(firings('rate(1 day)', newYork, spring, 2)).toEqual(['2026-03-08T12:00:00Z', '2026-03-09T12:00:00Z'])
  })

  it('once: what is left out is taken by the old offset, what comes twice the first time', () => {
    expect(firings('at(2026-03-08T02:30:00)', newYork, spring, 1)).toEqual(['2026-03-08T07:30:00Z'])
    expect(firings('at(2026-11-01T01:30:00)', newYork, autumn, 1)).toEqual(['2026-11-01T05:30:00Z'])
    expect(firings('at(2026-07-01T12:00:00)', 'Asia/Kolkata', spring, 1)).toEqual(['2026-07-01T06:30:00Z'])
  })
})

describe('zones', () => {
  it('are known by their IANA names', () => {
    expect(createZone('Europe/Berlin')?.wallAt(Date.UTC(2026, 6, 1, 12))).toBe(Date.UTC(2026, 6, 1, 14))
    expect(createZone('Mars/Olympus')).toBeUndefined()
  })

  it('the half hour of Lord Howe', () => {
    const zone = createZone('Australia/Lord_Howe')
    // Back from 2:00 (+11) to 1:30 (+10:30) on 5 April 2026, 15:00 UTC the day before.
    expect(zone?.instantOf(Date.UTC(2026, 3, 5, 1, 45))).toBe(Date.UTC(2026, 3, 4, 14, 45))
    // Forward from 2:00 to 2:30 on 4 October 2026.
    expect(zone?.instantOf(Date.UTC(2026, 9, 4, 2, 15))).toBeUndefined()
  })
})
