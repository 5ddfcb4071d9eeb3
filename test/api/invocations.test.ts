/** Invoke and InvokeAsync as the controller answers them, through the official client and on the wire. */
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  InvokeAsyncCommand,
  InvokeCommand,
  LambdaClient,
  PublishVersionCommand,
} from '@aws-sdk/client-lambda'
import { describe, expect, it } from 'vitest'
import type { EventInvocation, EventResult } from '../../src/events/invoking.ts'
import { zip } from '../functions/fakes.ts'
import { account } from './recorded.ts'
import { createActive, F } from './prepared.ts'
import { startApi, type ApiServer } from './server.ts'

async function start(settings: Parameters<typeof startApi>[0] = {}) {
  const calls: EventInvocation[] = []
  const answers: { next: EventResult } = {
    next: { kind: 'success', payload: Buffer.from('{"answer":42}'), executedVersion: '$LATEST' },
  }
  const api = await startApi({
    ...settings,
    async invoke(call) {
      calls.push(call)
      return answers.next
    },
  })
  await api.start()
  return { ...api, calls, answers }
}

const raw = (api: ApiServer, path: string, body: BodyInit, headers: Record<string, string> = {}) =>
  fetch(new URL(path, api.url), { method: 'POST', body, headers: { 'x-amz-invocation-type': 'Event', ...headers } })

const text = (payload: Uint8Array | undefined): string => Buffer.from(payload ?? []).toString()

describe('Invoke, Event', () => {
  it('answers 202 with nothing but the request id, and invokes with the payload', async () => {
    await using api = await start()
    await createActive(api, 'f')
    const context = Buffer.from('{"client":{}}').toString('base64')
    const answer = await api.client.send(
      new InvokeCommand({
        FunctionName: 'f',
        InvocationType: 'Event',
        Payload: '{"a": [1, "é"]}',
        ClientContext: context,
      }),
    )
    expect(answer).toMatchObject({ StatusCode: 202 })
    expect(text(answer.Payload)).toBe('')
    expect(answer.ExecutedVersion).toBeUndefined()
    await api.asyncQueue.idle()
    expect(api.calls).toMatchObject([
      {
        accountId: account,
        functionName: 'f',
        qualifier: '$LATEST',
        requestId: answer.$metadata.requestId,
        clientContext: '{"client":{}}',
        hops: 0,
      },
    ])
    expect(text(api.calls[0]?.payload)).toBe('{"a": [1, "é"]}')
  })

  it('takes no body for an empty event', async () => {
    await using api = await start()
    await createActive(api, 'f')
    await api.client.send(new InvokeCommand({ FunctionName: 'f', InvocationType: 'Event' }))
    await api.asyncQueue.idle()
    expect(text(api.calls[0]?.payload)).toBe('{}')
  })

  it('takes versions and aliases, in every form of a name', async () => {
    await using api = await start()
    await createActive(api, 'f')
    await api.client.send(new PublishVersionCommand({ FunctionName: 'f' }))
    await api.client.send(new CreateAliasCommand({ FunctionName: 'f', Name: 'live', FunctionVersion: '1' }))
    const arn = `arn:aws:lambda:us-east-1:${account}:function:f`
    for (const FunctionName of ['f:live', `${arn}:live`, `${account}:function:f:1`])
      await api.client.send(new InvokeCommand({ FunctionName, InvocationType: 'Event' }))
    await api.client.send(new InvokeCommand({ FunctionName: 'f', Qualifier: '1', InvocationType: 'Event' }))
    await api.asyncQueue.idle()
    expect(api.calls.map(({ qualifier }) => qualifier).toSorted()).toEqual(['1', '1', 'live', 'live'])
  })

  it('takes 1 MB and not a byte more', async () => {
    await using api = await start()
    await createActive(api, 'f')
    const payload = (bytes: number): string => JSON.stringify('x'.repeat(bytes - 2))
    expect((await raw(api, `${F}/f/invocations`, payload(1_048_576))).status).toBe(202)
    const refused = await raw(api, `${F}/f/invocations`, payload(1_048_577))
    expect(refused.status).toBe(413)
    expect(refused.headers.get('x-amzn-errortype')).toBe('RequestTooLargeException')
    expect(await refused.json()).toMatchObject({
      message: '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)',
    })
  })

  it('refuses what is no JSON, or no UTF-8', async () => {
    await using api = await start()
    await createActive(api, 'f')
    for (const body of ['{', Buffer.from([0x22, 0xff, 0x22])]) {
      const refused = await raw(api, `${F}/f/invocations`, body)
      expect(refused.status).toBe(400)
      expect(refused.headers.get('x-amzn-errortype')).toBe('InvalidRequestContentException')
      expect(await refused.json()).toMatchObject({
        message: expect.stringMatching(/^Could not parse request body into json: /),
      })
    }
    const context = await raw(api, `${F}/f/invocations`, '{}', { 'x-amz-client-context': 'bm8=' })
    expect(await context.json()).toMatchObject({
      message: 'Client context must be a valid Base64-encoded JSON object.',
    })
    expect(api.calls).toEqual([])
    expect(api.asyncQueue.pending(account)).toBe(0)
  })

  it('refuses a function that is not there, and one that is not active yet', async () => {
    await using api = await start()
    const invoke = new InvokeCommand({ FunctionName: 'f', InvocationType: 'Event' })
    await expect(api.client.send(invoke)).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    api.builder.gate.close()
    const creating = createActive(api, 'f')
    await expect.poll(() => api.builder.requests.length).toBe(1)
    await expect(api.client.send(invoke)).rejects.toMatchObject({
      name: 'ResourceConflictException',
      message: expect.stringMatching(/currently in the following state: Pending/),
    })
    api.builder.gate.open()
    await creating
    await expect(api.client.send(invoke)).resolves.toMatchObject({ StatusCode: 202 })
  })

  it('refuses a type that does not exist', async () => {
    await using api = await start()
    await createActive(api, 'f')
    const refused = await raw(api, `${F}/f/invocations`, '{}', { 'x-amz-invocation-type': 'event' })
    expect(refused.status).toBe(400)
    expect(await refused.json()).toEqual({
      message:
        "1 validation error detected: Value 'event' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, Event, DryRun]",
    })
  })

  it('is refused with 429 once the account has as many waiting as it may', async () => {
    await using api = await start({ limits: { asyncEvents: 1, asyncBackoffMs: 60_000 } })
    await createActive(api, 'f')
    api.answers.next = { kind: 'throttled', reason: 'ConcurrentInvocationLimitExceeded' }
    const invoke = new InvokeCommand({ FunctionName: 'f', InvocationType: 'Event' })
    await api.client.send(invoke)
    await expect(api.client.send(invoke)).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'CallerRateLimitExceeded',
    })
  })

  it('discards what is left of a function that is deleted', async () => {
    await using api = await start({ limits: { asyncBackoffMs: 1 } })
    await createActive(api, 'f')
    api.answers.next = { kind: 'missing', message: 'Function not found' }
    await api.client.send(new InvokeCommand({ FunctionName: 'f', InvocationType: 'Event' }))
    expect(api.asyncQueue.pending(account)).toBe(1)
    await api.client.send(new DeleteFunctionCommand({ FunctionName: 'f' }))
    await expect.poll(() => api.asyncQueue.pending(account)).toBe(0)
  })
})

describe('InvokeAsync', () => {
  it('answers 202 with its status, and invokes', async () => {
    await using api = await start()
    await createActive(api, 'f')
    const answer = await api.client.send(new InvokeAsyncCommand({ FunctionName: 'f', InvokeArgs: '{"old":true}' }))
    expect(answer.Status).toBe(202)
    await api.asyncQueue.idle()
    expect(api.calls.map(({ payload }) => text(payload))).toEqual(['{"old":true}'])
    const onWire = await api.request('POST', '/2014-11-13/functions/f/invoke-async/', {})
    expect([onWire.status, onWire.body]).toEqual([202, { Status: 202 }])
  })

  it('refuses what Invoke refuses', async () => {
    await using api = await start()
    await expect(
      api.client.send(new InvokeAsyncCommand({ FunctionName: 'f', InvokeArgs: '{}' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    await createActive(api, 'f')
    await expect(
      api.client.send(new InvokeAsyncCommand({ FunctionName: 'f', InvokeArgs: 'no' })),
    ).rejects.toMatchObject({ name: 'InvalidRequestContentException' })
  })
})

it('RequestResponse of a function that no worker knows yet says so', async () => {
  await using api = await start()
  await createActive(api, 'f')
  const answer = await api.request('POST', `${F}/f/invocations`, {})
  expect(answer.status).toBe(503)
  expect(api.calls).toEqual([])
})

describe("another account's function", () => {
  /** Two accounts, and the first's function `f`. */
  async function twoAccounts() {
    const api = await start({ config: { auth: 'accounts' } })
    const clientOf = async (accountId: string) => {
      await api.accounts.create({ accountId })
      const { accessKeyId, secret } = await api.accounts.createKey(accountId)
      const credentials = { accessKeyId, secretAccessKey: secret }
      return new LambdaClient({ endpoint: api.url, region: 'us-east-1', credentials, maxAttempts: 1 })
    }
    const owner = await clientOf(account)
    const other = await clientOf('222222222222')
    await owner.send(
      new CreateFunctionCommand({
        FunctionName: 'f',
        Runtime: 'nodejs24.x',
        Role: 'arn:aws:iam::111111111111:role/r',
        Handler: 'index.handler',
        Code: { ZipFile: zip() },
      }),
    )
    await api.functions.idle()
    const allow = (Principal = '222222222222') =>
      owner.send(
        new AddPermissionCommand({ FunctionName: 'f', StatementId: 's', Action: 'lambda:InvokeFunction', Principal }),
      )
    return {
      api,
      other,
      allow,
      async [Symbol.asyncDispose]() {
        owner.destroy()
        other.destroy()
        await api[Symbol.asyncDispose]()
      },
    }
  }
  const FunctionName = `arn:aws:lambda:us-east-1:${account}:function:f`

  it('is refused without a permission, in every way', async () => {
    await using two = await twoAccounts()
    for (const InvocationType of ['RequestResponse', 'Event', 'DryRun'] as const)
      await expect(two.other.send(new InvokeCommand({ FunctionName, InvocationType }))).rejects.toMatchObject({
        name: 'AccessDeniedException',
      })
    const command = new InvokeAsyncCommand({ FunctionName, InvokeArgs: '{}' })
    await expect(two.other.send(command)).rejects.toMatchObject({ name: 'AccessDeniedException' })
    expect(two.api.calls).toEqual([])
  })

  it('is served to whom a permission lets in', async () => {
    await using two = await twoAccounts()
    await two.allow()
    const answer = await two.other.send(new InvokeCommand({ FunctionName, Payload: '{"by":"other"}' }))
    expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' })
    expect(answer.FunctionError).toBeUndefined()
    expect(text(answer.Payload)).toBe('{"answer":42}')
    expect(two.api.calls).toMatchObject([
      { accountId: account, functionName: 'f', requestId: answer.$metadata.requestId },
    ])
    const dry = await two.other.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun' }))
    expect(dry.StatusCode).toBe(204)
    expect(two.api.calls).toHaveLength(1)
  })

  it('has its events kept for its own account', async () => {
    await using two = await twoAccounts()
    await two.allow()
    const answer = await two.other.send(new InvokeCommand({ FunctionName, InvocationType: 'Event' }))
    expect(answer.StatusCode).toBe(202)
    await two.api.asyncQueue.idle()
    expect(two.api.calls).toMatchObject([{ accountId: account, requestId: answer.$metadata.requestId }])
  })

  it('shows its errors, throttles and platform errors as Lambda does', async () => {
    await using two = await twoAccounts()
    await two.allow()
    const invoke = () => two.other.send(new InvokeCommand({ FunctionName }))
    const payload = Buffer.from('{"errorMessage":"x"}')
    two.api.answers.next = { kind: 'error', payload, executedVersion: '3' }
    expect(await invoke()).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled', ExecutedVersion: '3' })
    two.api.answers.next = { kind: 'throttled', reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' }
    await expect(invoke()).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    })
    two.api.answers.next = { kind: 'unavailable', message: 'socket hang up' }
    await expect(invoke()).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } })
  })
})
