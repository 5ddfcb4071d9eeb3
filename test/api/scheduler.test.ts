/** EventBridge Scheduler through the official client. */
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ListScheduleGroupsCommand,
  ListSchedulesCommand,
  ListTagsForResourceCommand,
  paginateListSchedules,
  SchedulerClient,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateScheduleCommand,
  type CreateScheduleCommandInput,
  type ListSchedulesCommandInput,
} from '@aws-sdk/client-scheduler'
import { describe, expect, it } from 'vitest'
import type { EventInvocation } from '../../src/events/invoking.ts'
import { createActive } from './prepared.ts'
import { account, region } from './recorded.ts'
import { startApi } from './server.ts'

const functionArn = `arn:aws:lambda:${region}:${account}:function:f`
const arn = (name: string) => `arn:aws:scheduler:${region}:${account}:${name}`
const RoleArn = `arn:aws:iam::${account}:role/scheduler`

async function start(settings?: Parameters<typeof startApi>[0]) {
  const api = await startApi(settings)
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
  const scheduler = new SchedulerClient({ endpoint: api.url, region, credentials, maxAttempts: 1 })
  return {
    ...api,
    scheduler,
    async [Symbol.asyncDispose]() {
      scheduler.destroy()
      await api[Symbol.asyncDispose]()
    },
  }
}

const create = (changes: Partial<CreateScheduleCommandInput> = {}) =>
  new CreateScheduleCommand({
    Name: 'nightly',
    ScheduleExpression: 'cron(0 3 * * ? *)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: { Arn: functionArn, RoleArn },
    ...changes,
  })

describe('schedules', () => {
  it('are made, shown, changed and deleted', async () => {
    await using api = await start()
    const { scheduler } = api
    const made = await scheduler.send(create())
    expect(made.ScheduleArn).toBe(arn('schedule/default/nightly'))
    const { $metadata: _, ...shown } = await scheduler.send(new GetScheduleCommand({ Name: 'nightly' }))
    expect(shown).toEqual({
      ActionAfterCompletion: 'NONE',
      Arn: arn('schedule/default/nightly'),
      CreationDate: expect.any(Date),
      FlexibleTimeWindow: { Mode: 'OFF' },
      GroupName: 'default',
      LastModificationDate: expect.any(Date),
      Name: 'nightly',
      ScheduleExpression: 'cron(0 3 * * ? *)',
      ScheduleExpressionTimezone: 'UTC',
      State: 'ENABLED',
      Target: {
        Arn: functionArn,
        RoleArn,
        RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
      },
    })
    expect(Math.abs(Date.now() - Number(shown.CreationDate))).toBeLessThan(60_000)

    const StartDate = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 3_600_000)
    const EndDate = new Date(StartDate.getTime() + 3_600_000)
    const deadLetter = `arn:aws:sqs:${region}:${account}:dead`
    const queue = `arn:aws:sqs:${region}:${account}:q.fifo`
    const whole = {
      Description: 'all there is',
      ScheduleExpression: 'rate(5 minutes)',
      ScheduleExpressionTimezone: 'Europe/Berlin',
      StartDate,
      EndDate,
      State: 'DISABLED',
      ActionAfterCompletion: 'DELETE',
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 15 },
      Target: {
        Arn: queue,
        RoleArn,
        Input: 'text',
        SqsParameters: { MessageGroupId: 'g' },
        DeadLetterConfig: { Arn: deadLetter },
        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 },
      },
    } as const
    const changed = await scheduler.send(new UpdateScheduleCommand({ Name: 'nightly', ...whole }))
    expect(changed.ScheduleArn).toBe(made.ScheduleArn)
    expect(await scheduler.send(new GetScheduleCommand({ Name: 'nightly' }))).toMatchObject(whole)
    // An update replaces: what it leaves out is gone.
    const { ScheduleExpression, FlexibleTimeWindow, Target } = create().input
    await scheduler.send(new UpdateScheduleCommand({ Name: 'nightly', ScheduleExpression, FlexibleTimeWindow, Target }))
    const { $metadata: __, ...again } = await scheduler.send(new GetScheduleCommand({ Name: 'nightly' }))
    expect({ ...again, LastModificationDate: undefined }).toEqual({ ...shown, LastModificationDate: undefined })

    await scheduler.send(new DeleteScheduleCommand({ Name: 'nightly' }))
    await expect(scheduler.send(new GetScheduleCommand({ Name: 'nightly' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Schedule nightly does not exist.',
      $metadata: { httpStatusCode: 404 },
    })
  })

  it('are listed by page, group, prefix and state', async () => {
    await using api = await start()
    const { scheduler } = api
    await scheduler.send(new CreateScheduleGroupCommand({ Name: 'other' }))
    for (const Name of ['a1', 'a2', 'a3', 'b1', 'b2']) await scheduler.send(create({ Name }))
    await scheduler.send(create({ Name: 'a1', GroupName: 'other', State: 'DISABLED' }))
    const list = async (input: ListSchedulesCommandInput) => {
      const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand(input))
      return Schedules.map(({ GroupName, Name }) => `${GroupName}/${Name}`)
    }
    const all = ['default/a1', 'default/a2', 'default/a3', 'default/b1', 'default/b2', 'other/a1']
    expect(await list({})).toEqual(all)
    expect(await list({ GroupName: 'other' })).toEqual(['other/a1'])
    expect(await list({ NamePrefix: 'b' })).toEqual(['default/b1', 'default/b2'])
    expect(await list({ State: 'DISABLED' })).toEqual(['other/a1'])
    const paged: string[][] = []
    for await (const { Schedules = [] } of paginateListSchedules(
      { client: scheduler, pageSize: 2 },
      { NamePrefix: 'a' },
    ))
      paged.push(Schedules.map(({ GroupName, Name }) => `${GroupName}/${Name}`))
    expect(paged).toEqual([
      ['default/a1', 'default/a2'],
      ['default/a3', 'other/a1'],
    ])
    const { Schedules } = await scheduler.send(new ListSchedulesCommand({ MaxResults: 1 }))
    expect(Schedules).toEqual([
      {
        Arn: arn('schedule/default/a1'),
        CreationDate: expect.any(Date),
        GroupName: 'default',
        LastModificationDate: expect.any(Date),
        Name: 'a1',
        State: 'ENABLED',
        Target: { Arn: functionArn },
      },
    ])
  })

  it('of one name are refused, but a repeated request is answered as before', async () => {
    await using api = await start()
    const first = await api.scheduler.send(create({ ClientToken: 'token' }))
    expect(await api.scheduler.send(create({ ClientToken: 'token' }))).toMatchObject({ ScheduleArn: first.ScheduleArn })
    await expect(api.scheduler.send(create())).rejects.toMatchObject({
      name: 'ConflictException',
      message: 'Schedule nightly already exists.',
      $metadata: { httpStatusCode: 409 },
    })
  })

  const target = { Arn: functionArn, RoleArn }
  it.each<[string, Partial<CreateScheduleCommandInput>, RegExp]>([
    [
      'a wrong expression',
      { ScheduleExpression: 'cron(* * * * *)' },
      /^Invalid Schedule Expression cron\(\* \* \* \* \*\)\.$/,
    ],
    [
      'a wrong zone',
      { ScheduleExpressionTimezone: 'Mars/Olympus' },
      /^Invalid ScheduleExpressionTimezone Mars\/Olympus\.$/,
    ],
    [
      'a wrong name',
      { Name: 'a b' },
      /^1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint/,
    ],
    ['an old start', { StartDate: new Date(0) }, /StartDate you specify cannot be earlier than 5 minutes ago/],
    ['an end that is over', { EndDate: new Date(0) }, /EndDate you specify must come after/],
    ['no window', { FlexibleTimeWindow: { Mode: 'FLEXIBLE' } }, /at 'flexibleTimeWindow' .*MaximumWindowInMinutes/],
    [
      'a window of days',
      { FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 1_441 } },
      /'1441' at 'flexibleTimeWindow.maximumWindowInMinutes' .*less than or equal to 1440/,
    ],
    [
      'another kind of target',
      { Target: { ...target, Arn: 'arn:aws:scheduler:::aws-sdk:sqs:sendMessage' } },
      /not supported/,
    ],
    [
      "another account's function",
      { Target: { ...target, Arn: functionArn.replace(account, '222222222222') } },
      /not supported/,
    ],
    ['no role', { Target: { Arn: functionArn, RoleArn: 'none' } }, /at 'target.roleArn' failed to satisfy constraint/],
    ['no JSON', { Target: { ...target, Input: '{' } }, /^Invalid Input/],
    [
      'too many retries',
      { Target: { ...target, RetryPolicy: { MaximumRetryAttempts: 186 } } },
      /less than or equal to 185/,
    ],
    ['a key', { KmsKeyArn: `arn:aws:kms:${region}:${account}:key/k` }, /KmsKeyArn is not supported/],
    [
      'a FIFO queue without group',
      { Target: { ...target, Arn: `arn:aws:sqs:${region}:${account}:q.fifo` } },
      /MessageGroupId is required/,
    ],
    [
      'a dead letter to a function',
      { Target: { ...target, DeadLetterConfig: { Arn: functionArn } } },
      /dead-letter queue/,
    ],
  ])('with %s are refused', async (_what, changes, message) => {
    await using api = await start()
    await expect(api.scheduler.send(create(changes))).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(message),
      $metadata: { httpStatusCode: 400 },
    })
  })

  it('fire: the function is invoked with the scheduled event', async () => {
    const invoked = Promise.withResolvers<EventInvocation>()
    await using api = await start({
      invoke: async (invocation) => {
        invoked.resolve(invocation)
        return { kind: 'success', payload: Buffer.from('null'), executedVersion: '$LATEST' }
      },
    })
    await createActive(api, 'f')
    await api.start()
    await api.scheduler.send(create({ ScheduleExpression: 'rate(1 hour)' }))
    const { functionName, requestId, payload } = await invoked.promise
    expect(functionName).toBe('f')
    expect(JSON.parse(Buffer.from(payload).toString())).toMatchObject({
      id: requestId,
      source: 'aws.scheduler',
      'detail-type': 'Scheduled Event',
      resources: [arn('schedule/default/nightly')],
    })
  })
})

describe('schedule groups', () => {
  it('are made, shown, listed, tagged and deleted with what is in them', async () => {
    await using api = await start()
    const { scheduler } = api
    const made = await scheduler.send(
      new CreateScheduleGroupCommand({ Name: 'jobs', Tags: [{ Key: 'team', Value: 'one' }] }),
    )
    const ResourceArn = arn('schedule-group/jobs')
    expect(made.ScheduleGroupArn).toBe(ResourceArn)
    const { $metadata: _, ...shown } = await scheduler.send(new GetScheduleGroupCommand({ Name: 'jobs' }))
    expect(shown).toEqual({
      Arn: ResourceArn,
      CreationDate: expect.any(Date),
      LastModificationDate: expect.any(Date),
      Name: 'jobs',
      State: 'ACTIVE',
    })
    const names = async (input = {}) => {
      const { ScheduleGroups = [] } = await scheduler.send(new ListScheduleGroupsCommand(input))
      return ScheduleGroups.map(({ Name }) => Name)
    }
    expect(await names()).toEqual(['default', 'jobs'])
    expect(await names({ NamePrefix: 'j' })).toEqual(['jobs'])
    const first = await scheduler.send(new ListScheduleGroupsCommand({ MaxResults: 1 }))
    expect(first.NextToken).toBeDefined()
    expect(await names({ NextToken: first.NextToken })).toEqual(['jobs'])

    await scheduler.send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: 'stage', Value: 'test' }] }))
    await scheduler.send(new UntagResourceCommand({ ResourceArn, TagKeys: ['team'] }))
    const { Tags } = await scheduler.send(new ListTagsForResourceCommand({ ResourceArn }))
    expect(Tags).toEqual([{ Key: 'stage', Value: 'test' }])

    await scheduler.send(create({ GroupName: 'jobs' }))
    await scheduler.send(create())
    await scheduler.send(new DeleteScheduleGroupCommand({ Name: 'jobs' }))
    expect(await names()).toEqual(['default'])
    const { Schedules } = await scheduler.send(new ListSchedulesCommand({}))
    expect(Schedules?.map(({ GroupName }) => GroupName)).toEqual(['default'])
  })

  it('that are not there, or there already, or the default one are refused', async () => {
    await using api = await start()
    const { scheduler } = api
    const missing = { name: 'ResourceNotFoundException', message: 'Schedule group none does not exist.' }
    await expect(scheduler.send(create({ GroupName: 'none' }))).rejects.toMatchObject(missing)
    await expect(scheduler.send(new GetScheduleGroupCommand({ Name: 'none' }))).rejects.toMatchObject(missing)
    await expect(scheduler.send(new ListSchedulesCommand({ GroupName: 'none' }))).rejects.toMatchObject(missing)
    await expect(scheduler.send(new CreateScheduleGroupCommand({ Name: 'default' }))).rejects.toMatchObject({
      name: 'ConflictException',
    })
    await expect(scheduler.send(new DeleteScheduleGroupCommand({ Name: 'default' }))).rejects.toMatchObject({
      name: 'ValidationException',
    })
    const ResourceArn = arn('schedule-group/default').replace(account, '222222222222')
    await expect(scheduler.send(new ListTagsForResourceCommand({ ResourceArn }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
  })
})

it('other paths are not taken from Lambda', async () => {
  await using api = await start()
  expect(await api.request('PATCH', '/schedules/x')).toMatchObject({ status: 404 })
  expect(await api.request('GET', `/tags/${encodeURIComponent(functionArn)}`)).toMatchObject({ status: 404 })
  expect(await api.request('POST', '/schedules')).toMatchObject({ status: 400 })
  expect(await api.request('GET', '/schedules/')).toMatchObject({ status: 200, body: { Schedules: [] } })
})
