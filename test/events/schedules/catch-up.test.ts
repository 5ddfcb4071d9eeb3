import { assert, constantFrom, integer, property, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Schedule } from '../../../src/events/schedules/record.ts'
import { createTimes, nextDelivery, type CatchUp } from '../../../src/events/schedules/times.ts'
import { createZones } from '../../../src/events/schedules/zone.ts'
import { accountId, functionArn, hour, input, minute, startSchedules } from './harness.ts'

const roleArn = `arn:aws:iam::${accountId}:role/any`

describe('firings that were missed while the server was down', () => {
  const missed = async (catchUp: CatchUp, changes: Parameters<typeof input>[0] = {}) => {
    const harness = await startSchedules({ catchUp })
    await harness.schedules.create(accountId, input({ expression: 'cron(0 * * * ? *)', ...changes }))
    await harness.restart(5 * hour + 30 * minute)
    await harness.pass(40 * minute)
    return harness.times()
  }

  it('none: go on with the next', async () => {
    expect(await missed('none')).toEqual(['01-01T06:00'])
  })

  it('last: the latest of them', async () => {
    expect(await missed('last')).toEqual(['01-01T05:00', '01-01T06:00'])
  })

  it('all: each of them, in order', async () => {
    const hours = ['01-01T01:00', '01-01T02:00', '01-01T03:00', '01-01T04:00', '01-01T05:00', '01-01T06:00']
    expect(await missed('all')).toEqual(hours)
  })

  it('none that is older than its target allows', async () => {
    const target = { arn: functionArn, roleArn, maximumEventAgeSeconds: 2 * 3_600 }
    expect(await missed('all', { target })).toEqual(['01-01T04:00', '01-01T05:00', '01-01T06:00'])
    const short = { arn: functionArn, roleArn, maximumEventAgeSeconds: 600 }
    expect(await missed('last', { target: short })).toEqual(['01-01T06:00'])
  })

  it('one-time schedules: with none they are complete without having fired', async () => {
    const once = { expression: 'at(2026-01-01T02:00:00)', deleteAfterCompletion: true }
    expect(await missed('none', once)).toEqual([])
    expect(await missed('last', once)).toEqual(['01-01T02:00'])
  })

  it('a restart of seconds misses nothing, whatever the policy', async () => {
    const harness = await startSchedules({ catchUp: 'none' })
    await harness.schedules.create(accountId, input({ expression: 'cron(0 1 * * ? *)' }))
    await harness.pass(hour - 1_000)
    await harness.restart(20_000)
    await harness.pass(0)
    expect(harness.times()).toEqual(['01-01T01:00'])
  })

  it('what was left out is not looked at again', async () => {
    const harness = await startSchedules({ catchUp: 'none' })
    await harness.schedules.create(accountId, input({ expression: 'cron(0 * * * ? *)' }))
    await harness.restart(5 * hour + 30 * minute)
    await harness.pass(0)
    await harness.restart(0, { catchUp: 'all' })
    await harness.pass(0)
    expect(harness.times()).toEqual([])
  })
})

it('the next delivery is what a list of all firings says', () => {
  const times = createTimes(createZones())
  const cases = record({
    every: integer({ min: 1, max: 90 }),
    nextIn: integer({ min: -3_000, max: 60 }),
    ageMinutes: integer({ min: 1, max: 1_440 }),
    catchUp: constantFrom<CatchUp>('none', 'last', 'all'),
  })
  assert(
    property(cases, ({ every, nextIn, ageMinutes, catchUp }) => {
      const startedAt = Date.UTC(2026, 0, 10)
      const nextAt = startedAt + nextIn * minute
      const { description: _, startAt: __, endAt: ___, clientToken: ____, ...rest } = input()
      const schedule: Schedule = {
        ...rest,
        expression: `rate(${every} minutes)`,
        target: { arn: functionArn, roleArn, maximumEventAgeSeconds: ageMinutes * 60 },
        createdAt: 0,
        modifiedAt: 0,
        baseAt: nextAt,
        nextAt,
      }
      const all = Array.from({ length: 3_200 }, (_unused, index) => nextAt + index * every * minute)
      const keptMs = catchUp === 'none' ? minute : ageMinutes * minute
      const missed = all.filter((at) => at <= startedAt && at >= startedAt - keptMs)
      const kept = catchUp === 'last' ? missed.slice(-1) : missed
      const expected = kept[0] ?? all.find((at) => at > startedAt)
      expect(nextDelivery(times, schedule, { startedAt, catchUp })?.scheduledAt).toBe(expected)
    }),
    { numRuns: 300 },
  )
})
