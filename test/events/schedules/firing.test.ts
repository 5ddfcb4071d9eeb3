import { describe, expect, it } from 'vitest'
import { ThawError } from '../../../src/errors.ts'
import { accountId, functionArn, hour, input, minute, queueArn, region, startSchedules } from './harness.ts'

const roleArn = `arn:aws:iam::${accountId}:role/any`
const cron = (changes: Parameters<typeof input>[0] = {}) => input({ expression: 'cron(0/10 * * * ? *)', ...changes })
const stored = (harness: Awaited<ReturnType<typeof startSchedules>>, name = 's') =>
  harness.schedules.get(accountId, 'default', name)

describe('a schedule', () => {
  it('fires when it is due and not before', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, cron({ expression: 'cron(5 * * * ? *)' }))
    await harness.pass(5 * minute - 1)
    expect(harness.accepted).toEqual([])
    await harness.pass(1)
    expect(harness.times()).toEqual(['01-01T00:05'])
    await harness.pass(2 * hour)
    expect(harness.times()).toEqual(['01-01T00:05', '01-01T01:05', '01-01T02:05'])
    expect(await stored(harness)).toMatchObject({
      lastFiredAt: Date.UTC(2026, 0, 1, 2, 5),
      nextAt: Date.UTC(2026, 0, 1, 3, 5),
    })
  })

  it('of a rate fires at once, or at its start date', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, input())
    await harness.schedules.create(accountId, input({ name: 't', startAt: Date.UTC(2026, 0, 1, 0, 7) }))
    await harness.pass(20 * minute)
    expect(harness.times()).toEqual(['01-01T00:00', '01-01T00:07', '01-01T00:10', '01-01T00:17', '01-01T00:20'])
  })

  it('stays within its dates, and is complete then', async () => {
    const harness = await startSchedules()
    const dates = { startAt: Date.UTC(2026, 0, 1, 0, 15), endAt: Date.UTC(2026, 0, 1, 0, 30) }
    await harness.schedules.create(accountId, cron(dates))
    await harness.schedules.create(accountId, cron({ name: 't', deleteAfterCompletion: true, ...dates }))
    await harness.pass(hour)
    expect(harness.times()).toEqual(['01-01T00:20', '01-01T00:20', '01-01T00:30', '01-01T00:30'])
    expect((await stored(harness)).nextAt).toBeUndefined()
    await expect(stored(harness, 't')).rejects.toMatchObject({ code: 'ResourceNotFound' })
  })

  it('once fires once', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, input({ expression: 'at(2026-01-01T00:03:00)' }))
    await harness.schedules.create(accountId, input({ name: 'now', expression: 'at(2025-12-31T23:59:30)' }))
    await harness.schedules.create(accountId, input({ name: 'past', expression: 'at(2025-12-31T23:00:00)' }))
    await harness.pass(0)
    expect(harness.accepted).toHaveLength(1)
    await harness.pass(24 * hour)
    expect(harness.accepted).toHaveLength(2)
    expect(harness.timers.pending).toBe(0)
  })

  it('within a flexible window fires somewhere in it, the same after a restart', async () => {
    const harness = await startSchedules()
    for (let number = 0; number < 40; number++)
      await harness.schedules.create(accountId, cron({ name: `s${number}`, flexibleMinutes: 5 }))
    const seen: number[] = []
    await harness.pass(10 * minute - 1)
    expect(harness.accepted).toEqual([])
    for (let second = 0; second < 300; second++) {
      if (second === 120) await harness.restart(0)
      await harness.pass(1_000)
      seen.push(harness.accepted.length)
    }
    expect(harness.accepted).toHaveLength(40)
    expect(seen[60]).toBeGreaterThan(0)
    expect(seen[150]).toBeLessThan(40)
    expect(new Set(harness.times())).toEqual(new Set(['01-01T00:10']))
    expect(new Set(harness.accepted.map(({ requestId }) => requestId)).size).toBe(40)
  })

  it('that is disabled rests; enabled again it goes on from then', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, cron({ enabled: false }))
    await harness.pass(hour)
    expect(harness.accepted).toEqual([])
    await harness.schedules.update(accountId, cron())
    await harness.pass(10 * minute)
    expect(harness.times()).toEqual(['01-01T01:10'])
    await harness.schedules.update(accountId, cron({ enabled: false }))
    await harness.pass(hour)
    expect(harness.accepted).toHaveLength(1)
  })

  it('that is changed fires as it says now; a rate that did not change keeps step', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, input())
    await harness.pass(7 * minute)
    await harness.schedules.update(accountId, input({ description: 'another' }))
    await harness.pass(4 * minute)
    expect(harness.times()).toEqual(['01-01T00:00', '01-01T00:10'])
    await harness.schedules.update(accountId, input({ expression: 'rate(1 hour)' }))
    await harness.pass(hour)
    expect(harness.times().slice(2)).toEqual(['01-01T00:11', '01-01T01:11'])
  })

  it('that is deleted fires no more, and another of its name has nothing of it', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, cron())
    await harness.pass(11 * minute)
    await harness.schedules.delete(accountId, 'default', 's')
    await harness.pass(hour)
    expect(harness.times()).toEqual(['01-01T00:10'])
    await harness.schedules.create(accountId, cron({ expression: 'cron(15 * * * ? *)' }))
    await harness.pass(hour)
    expect(harness.times()).toEqual(['01-01T00:10', '01-01T01:15'])
  })
})

describe('a firing', () => {
  it('is the scheduled event, with an id of its own', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, cron({ target: { arn: `${functionArn}:live`, roleArn } }))
    await harness.pass(20 * minute)
    const [first, second] = harness.accepted
    expect(first).toMatchObject({ accountId, functionName: 'f', qualifier: 'live', hops: 0, clientContext: undefined })
    expect(first?.requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(second?.requestId).not.toBe(first?.requestId)
    expect(JSON.parse(Buffer.from(first?.payload ?? []).toString())).toEqual({
      version: '0',
      id: first?.requestId,
      'detail-type': 'Scheduled Event',
      source: 'aws.scheduler',
      account: accountId,
      time: '2026-01-01T00:10:00Z',
      region,
      resources: [`arn:aws:scheduler:${region}:${accountId}:schedule/default/s`],
      detail: '{}',
    })
  })

  it('is the input, with what is known filled in', async () => {
    const harness = await startSchedules()
    const text =
      '{"arn":"<aws.scheduler.schedule-arn>","at":"<aws.scheduler.scheduled-time>","id":"<aws.scheduler.execution-id>","n":<aws.scheduler.attempt-number>,"x":"<aws.scheduler.unknown>"}'
    await harness.schedules.create(accountId, cron({ target: { arn: functionArn, roleArn, input: text } }))
    harness.failures.push(new ThawError('Unavailable', 'not now'))
    await harness.pass(15 * minute)
    expect(JSON.parse(Buffer.from(harness.accepted[0]?.payload ?? []).toString())).toEqual({
      arn: `arn:aws:scheduler:${region}:${accountId}:schedule/default/s`,
      at: '2026-01-01T00:10:00Z',
      id: harness.accepted[0]?.requestId,
      n: 2,
      x: '<aws.scheduler.unknown>',
    })
  })

  it('goes to a queue as a message; a FIFO queue takes it once', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, cron({ target: { arn: queueArn, roleArn, input: 'plain text' } }))
    const fifo = { arn: `${queueArn}.fifo`, roleArn, messageGroupId: 'g' }
    await harness.schedules.create(accountId, cron({ name: 't', target: fifo }))
    await harness.pass(10 * minute)
    expect(harness.sent).toMatchObject([
      { arn: queueArn, message: { body: 'plain text', groupId: undefined, deduplicationId: undefined } },
      { arn: `${queueArn}.fifo`, message: { groupId: 'g', deduplicationId: expect.stringMatching(/^[0-9a-f-]{36}$/) } },
    ])
  })

  it('that its target does not take now is tried again, and later ones wait behind it', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, cron({ expression: 'cron(* * * * ? *)' }))
    for (let attempt = 0; attempt < 7; attempt++) harness.failures.push(new ThawError('TooManyRequests', 'full'))
    // 1 + 2 + 4 + 8 + 16 + 32 + 60 s after the first minute.
    await harness.pass(minute + 122_999)
    expect(harness.accepted).toEqual([])
    await harness.pass(1)
    expect(harness.times()).toEqual(['01-01T00:01', '01-01T00:02', '01-01T00:03'])
  })

  it('goes to the dead-letter queue when its attempts or its time are used up, or nothing is there', async () => {
    const harness = await startSchedules()
    const target = { arn: functionArn, roleArn, deadLetterArn: `${queueArn}-dead` }
    const refuse = (count: number): void => {
      for (let n = 0; n < count; n++) harness.failures.push(new ThawError('Unavailable', 'The store is locked.'))
    }
    await harness.schedules.create(accountId, cron({ target: { ...target, maximumRetryAttempts: 2 } }))
    refuse(3)
    await harness.pass(11 * minute)
    await harness.schedules.update(accountId, cron({ target: { ...target, maximumEventAgeSeconds: 60 } }))
    refuse(7)
    await harness.pass(12 * minute)
    harness.failures.length = 0
    await harness.schedules.update(accountId, cron({ target: { ...target, arn: `${functionArn}-gone` } }))
    await harness.pass(10 * minute)

    const arn = `arn:aws:scheduler:${region}:${accountId}:schedule/default/s`
    const of = (index: number) =>
      Object.fromEntries(
        Object.entries(harness.sent[index]?.message.attributes ?? {}).map(([name, { stringValue }]) => [
          name,
          stringValue,
        ]),
      )
    expect(harness.sent.map((sent) => sent.arn)).toEqual(Array.from({ length: 3 }, () => `${queueArn}-dead`))
    expect(of(0)).toEqual({
      ERROR_CODE: 'UnavailableException',
      ERROR_MESSAGE: 'The store is locked.',
      EXECUTION_ID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts',
      IS_PAYLOAD_TRUNCATED: 'false',
      RETRY_ATTEMPTS: '2',
      SCHEDULED_TIME: '2026-01-01T00:10:00Z',
      SCHEDULE_ARN: arn,
      TARGET_ARN: functionArn,
    })
    expect(of(1)).toMatchObject({
      EXHAUSTED_RETRY_CONDITION: 'MaximumEventAgeInSeconds',
      SCHEDULED_TIME: '2026-01-01T00:20:00Z',
    })
    expect(of(2)).toMatchObject({ ERROR_CODE: 'ResourceNotFoundException', RETRY_ATTEMPTS: '0' })
    expect(of(2)).not.toHaveProperty('EXHAUSTED_RETRY_CONDITION')
    expect(JSON.parse(harness.sent[0]?.message.body ?? '')).toMatchObject({ time: '2026-01-01T00:10:00Z' })
  })

  it('is repeated after a crash before it was recorded, under the same id', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, cron())
    await harness.pass(9 * minute)
    harness.storeFails = true
    await harness.pass(minute)
    await harness.restart(0)
    await harness.pass(minute)
    expect(harness.times()).toEqual(['01-01T00:10', '01-01T00:10'])
    expect(harness.accepted[1]?.requestId).toBe(harness.accepted[0]?.requestId)
    await harness.pass(10 * minute)
    expect(harness.times().slice(2)).toEqual(['01-01T00:20'])
  })
})

describe('a change while a firing is under way', () => {
  it('of anything but its times does not repeat it', async () => {
    const harness = await startSchedules()
    await harness.schedules.create(accountId, cron())
    let changing: Promise<unknown> | undefined
    harness.onAccept = () => {
      changing ??= harness.schedules.update(accountId, cron({ description: 'changed' }))
    }
    await harness.pass(10 * minute)
    await changing
    await harness.pass(minute)
    expect(harness.times()).toEqual(['01-01T00:10'])
    expect(await stored(harness)).toMatchObject({ description: 'changed', nextAt: Date.UTC(2026, 0, 1, 0, 20) })
  })
})

it('thousands of schedules fire in time, with one timer', async () => {
  const harness = await startSchedules()
  for (let number = 0; number < 2_000; number++) {
    const expression = `cron(${number % 60} * * * ? *)`
    await harness.schedules.create(accountId, input({ name: `s${number}`, expression }))
  }
  expect(harness.timers.pending).toBe(1)
  await harness.pass(2 * hour)
  expect(harness.accepted).toHaveLength(4_000)
  expect(new Set(harness.accepted.map(({ requestId }) => requestId)).size).toBe(4_000)
  expect(harness.timers.pending).toBe(1)
})
