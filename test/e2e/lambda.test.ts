import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  ListFunctionsCommand,
  paginateListFunctions,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { assemblyscriptComponent } from '../support/build-cache.ts'
import { role, startServer, zipOf, type TestServer } from './server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ verifyResets: true })
})
afterAll(() => server[Symbol.asyncDispose]())

const counter = `
  let calls = 0
  export const handler = async (event, context) => {
    console.log('called with', event)
    return { calls: ++calls, event, color: process.env.COLOR ?? null, requestId: context.awsRequestId }
  }`

test('a function lives from create to delete through the AWS SDK', async () => {
  const { client } = server
  const name = 'lifecycle'
  const created = await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role,
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Description: 'counts',
      Environment: { Variables: { COLOR: 'blue' } },
      Code: { ZipFile: await zipOf({ 'index.mjs': counter }) },
    }),
  )
  expect(created).toMatchObject({
    State: 'Pending',
    StateReasonCode: 'Creating',
    Version: '$LATEST',
    Timeout: 3,
    MemorySize: 128,
  })
  await expect(server.create(name, { Code: { ZipFile: await zipOf({ 'index.mjs': counter }) } })).rejects.toMatchObject(
    {
      name: 'ResourceConflictException',
    },
  )
  await server.updated(name)

  const found = await client.send(new GetFunctionCommand({ FunctionName: name }))
  expect(found.Configuration).toMatchObject({
    State: 'Active',
    LastUpdateStatus: 'Successful',
    CodeSha256: created.CodeSha256,
  })
  const listed: (string | undefined)[] = []
  for await (const page of paginateListFunctions({ client, pageSize: 1 }, {}))
    listed.push(...(page.Functions ?? []).map((item) => item.FunctionName))
  expect(listed).toContain(name)

  const first = await server.invoke(name, { a: 1 }, { LogType: 'Tail' })
  expect(first).toMatchObject({
    status: 200,
    functionError: undefined,
    payload: { calls: 1, event: { a: 1 }, color: 'blue' },
  })
  expect(first.log).toMatch(/^START RequestId: \S+ Version: \$LATEST\n/)
  expect(first.log).toContain('\tINFO\tcalled with { a: 1 }\n')
  expect(first.log).toMatch(
    /END RequestId: \S+\nREPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB/,
  )
  expect(await server.invoke(name, {}, { InvocationType: 'DryRun' })).toMatchObject({ status: 204, payload: undefined })

  await client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName: name,
      Timeout: 5,
      MemorySize: 256,
      Environment: { Variables: { COLOR: 'red' } },
    }),
  )
  await server.updated(name)
  expect(await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }))).toMatchObject({
    Timeout: 5,
    MemorySize: 256,
  })
  expect((await server.invoke(name)).payload).toMatchObject({ calls: 1, color: 'red' })

  const updated = await client.send(
    new UpdateFunctionCodeCommand({
      FunctionName: name,
      ZipFile: await zipOf({ 'index.mjs': 'export const handler = () => "new"' }),
    }),
  )
  expect(updated.LastUpdateStatus).toBe('InProgress')
  await server.updated(name)
  expect((await server.invoke(name)).payload).toBe('new')

  await client.send(new DeleteFunctionCommand({ FunctionName: name }))
  await expect(server.invoke(name)).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    $metadata: { httpStatusCode: 404 },
  })
  const left = await client.send(new ListFunctionsCommand({}))
  expect(left.Functions?.map((item) => item.FunctionName)).not.toContain(name)
})

test('TypeScript, CommonJS and a bundled dependency are one function', async () => {
  const files = {
    'src/app.ts': `
      import add from 'adder'
      import { text } from './text.cjs'
      interface Event { a: number; b: number }
      export const handler = async (event: Event): Promise<unknown> => ({ sum: add(event.a, event.b), text })`,
    'src/text.cjs': `exports.text = 'from CommonJS'`,
    'node_modules/adder/package.json': '{"name":"adder","main":"lib.js"}',
    'node_modules/adder/lib.js': 'module.exports = (a, b) => a + b',
  }
  await server.create('typed', { Handler: 'src/app.handler', Code: { ZipFile: await zipOf(files) } })
  expect((await server.invoke('typed', { a: 2, b: 3 })).payload).toEqual({ sum: 5, text: 'from CommonJS' })
})

test('an old-style CommonJS handler with a callback and timers runs unchanged', async () => {
  const source = `
    exports.handler = function (event, context, callback) {
      setTimeout(() => callback(null, { left: context.getRemainingTimeInMillis() > 0, name: context.functionName }), 20)
    }`
  await server.create('callback', { Code: { ZipFile: await zipOf({ 'index.js': source }) } })
  expect((await server.invoke('callback')).payload).toEqual({ left: true, name: 'callback' })
})

test('AssemblyScript is deployed as source, and as a component', async () => {
  const source = 'export function handler(event: string): string { return `{"got":${event}}` }'
  await server.create('as-source', {
    Runtime: 'assemblyscript' as never,
    Code: { ZipFile: await zipOf({ 'index.ts': source }) },
  })
  expect((await server.invoke('as-source', { a: 1 })).payload).toEqual({ got: { a: 1 } })
  const component = await assemblyscriptComponent(source)
  await server.create('as-raw', { Runtime: 'provided.component' as never, Code: { ZipFile: component } })
  await server.create('as-zip', {
    Runtime: 'provided.component' as never,
    Code: { ZipFile: await zipOf({ 'function.wasm': component }) },
  })
  expect((await server.invoke('as-raw', [1])).payload).toEqual({ got: [1] })
  expect((await server.invoke('as-zip', [2])).payload).toEqual({ got: [2] })
})

test('500 invocations over 20 connections each see the snapshot and nothing else', async () => {
  await server.create('pristine', { Code: { ZipFile: await zipOf({ 'index.mjs': counter }) } })
  const seen = new Set<unknown>()
  let next = 0
  const caller = async () => {
    while (next < 500) {
      const event = { n: next++ }
      const { payload } = await server.invoke('pristine', event)
      expect(payload).toMatchObject({ calls: 1, event })
      if (typeof payload === 'object' && payload !== null && 'requestId' in payload) seen.add(payload.requestId)
    }
  }
  await Promise.all(Array.from({ length: 20 }, caller))
  expect(seen.size).toBe(500)
})

test('every answer says how it was started, and how long each phase took', async () => {
  const url = `${server.thaw.url}/2015-03-31/functions/pristine/invocations`
  const answer = await fetch(url, { method: 'POST', body: '{}' })
  expect(answer.headers.get('server-timing')).toMatch(
    /^start;desc=(warm|restore|cold).*, run;dur=[\d.]+, total;dur=[\d.]+$/,
  )
  expect(answer.headers.get('x-amzn-requestid')).toMatch(/^[\da-f-]{36}$/)
  await answer.body?.cancel()
})

test('what a function does wrong is its own error, by type', async () => {
  const source = `
    const acts = {
      throws: () => { throw new TypeError('broken') },
      spins: () => { for (;;); },
      waits: () => new Promise((resolve) => setTimeout(resolve, 60_000)),
      hoards: () => { const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1)) },
      exits: () => process.exit(1),
      nests: () => { const deep = (n) => 1 + deep(n + 1); return deep(0) },
      floods: () => 'x'.repeat(6_400_000),
      never: () => new Promise(() => {}),
    }
    export const handler = (event) => acts[event.act]()`
  const code = { ZipFile: await zipOf({ 'index.mjs': source }) }
  await server.create('wrong', { Timeout: 30, Code: code })
  await server.create('wrong-and-late', { Timeout: 1, Code: code })
  const fails = async (act: string, name = 'wrong') => {
    const { status, functionError, payload } = await server.invoke(name, { act })
    expect({ status, functionError }).toEqual({ status: 200, functionError: 'Unhandled' })
    return payload
  }
  expect(await fails('throws')).toMatchObject({
    errorType: 'TypeError',
    errorMessage: 'broken',
    trace: expect.arrayContaining(['TypeError: broken', expect.stringMatching(/^    at throws /)]),
  })
  const timedOut = {
    errorType: 'Sandbox.Timedout',
    errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 1\.00 seconds$/),
  }
  expect(await fails('spins', 'wrong-and-late')).toEqual(timedOut)
  expect(await fails('waits', 'wrong-and-late')).toEqual(timedOut)
  expect(await fails('hoards')).toMatchObject({
    errorType: 'Runtime.OutOfMemory',
    errorMessage: expect.stringContaining('MemorySize is 128 MB'),
  })
  expect(await fails('exits')).toMatchObject({
    errorType: 'Runtime.ExitError',
    errorMessage: expect.stringContaining('exit status 1'),
  })
  expect(await fails('nests')).toMatchObject({
    errorType: expect.stringMatching(/RangeError|InternalError|Runtime.StackOverflow/),
  })
  expect(await fails('floods')).toEqual({
    errorType: 'Function.ResponseSizeTooLarge',
    errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
  })
  expect(await fails('never')).toMatchObject({ errorType: 'Runtime.ExitError' })
})

test('an oversize payload is refused by its limit', async () => {
  await expect(server.invoke('wrong', { text: 'x'.repeat(6_291_456) })).rejects.toMatchObject({
    name: 'RequestTooLargeException',
    $metadata: { httpStatusCode: 413 },
  })
})

test('a package that cannot be built fails by its reason, and can be mended', async () => {
  const { client } = server
  const broken = await zipOf({ 'index.mjs': "import fs from 'node:fs'\nexport const handler = () => fs" })
  await client.send(
    new CreateFunctionCommand({
      FunctionName: 'mended',
      Role: role,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { ZipFile: broken },
    }),
  )
  await expect(server.updated('mended')).rejects.toThrow('FAILURE')
  const failed = await client.send(new GetFunctionConfigurationCommand({ FunctionName: 'mended' }))
  expect(failed).toMatchObject({ State: 'Failed', StateReason: expect.stringContaining("'node:fs'") })
  await expect(client.send(new InvokeCommand({ FunctionName: 'mended' }))).rejects.toMatchObject({
    name: 'ResourceConflictException',
  })
  await client.send(
    new UpdateFunctionCodeCommand({ FunctionName: 'mended', ZipFile: await zipOf({ 'index.mjs': counter }) }),
  )
  await server.updated('mended')
  expect((await server.invoke('mended')).payload).toMatchObject({ calls: 1 })
})
