/** Versions, aliases and layers on a whole server: what runs when they are invoked, also after a restart. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  waitUntilPublishedVersionActive,
} from '@aws-sdk/client-lambda'
import { expect, onTestFinished, test } from 'vitest'
import { zipOf, startQuickServer, type TestServer } from './server.ts'

const FunctionName = 'f'
const arn = 'arn:aws:lambda:us-east-1:000000000000:function:f'

/** As the function that the recorded test deploys. */
const source = (variant: string) => `
  export const handler = async (_event, context) => ({
    version_id: '${variant}',
    invoked_arn: context.invokedFunctionArn,
    version_from_ctx: context.functionVersion,
  })`

const invoked = async ({ client }: TestServer, Qualifier?: string) => {
  const answer = await client.send(new InvokeCommand({ FunctionName, Qualifier, Payload: '{}' }))
  return { version: answer.ExecutedVersion, payload: JSON.parse(Buffer.from(answer.Payload ?? []).toString()) }
}

const ran = (variant: string, version: string, qualifier?: string) => ({
  version,
  payload: {
    version_id: variant,
    invoked_arn: qualifier === undefined ? arn : `${arn}:${qualifier}`,
    version_from_ctx: version,
  },
})

async function updateTo(server: TestServer, variant: string, publish: boolean): Promise<void> {
  const ZipFile = await zipOf({ 'index.mjs': source(variant) })
  await server.client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile, Publish: publish }))
  await server.updated(FunctionName)
}

// TestLambdaVersions::test_lambda_versions_with_code_changes: what AWS answered to its invocations.
test('each version runs the code that it was published with, and aliases lead to them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-versions-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  {
    await using server = await startQuickServer({}, folder)
    const { client } = server
    await server.create(FunctionName, { Code: { ZipFile: await zipOf({ 'index.mjs': source('version1') }) } })
    await client.send(new PublishVersionCommand({ FunctionName, Description: 'First version description :)' }))
    expect(await invoked(server, '1')).toEqual(ran('version1', '1', '1'))
    await updateTo(server, 'version2', false)
    expect(await invoked(server, '1')).toEqual(ran('version1', '1', '1'))
    expect(await invoked(server)).toEqual(ran('version2', '$LATEST'))
    await client.send(new PublishVersionCommand({ FunctionName, Description: 'Second version description :)' }))
    expect(await invoked(server, '2')).toEqual(ran('version2', '2', '2'))
    await updateTo(server, 'version3', true)
    await waitUntilPublishedVersionActive({ client, maxWaitTime: 60 }, { FunctionName, Qualifier: '3' })

    const named = { FunctionName, Name: 'live' }
    await client.send(new CreateAliasCommand({ ...named, FunctionVersion: '1' }))
    expect(await invoked(server, 'live')).toEqual(ran('version1', '1', 'live'))
    const RoutingConfig = { AdditionalVersionWeights: { 2: 1 } }
    await client.send(new UpdateAliasCommand({ ...named, RoutingConfig }))
    expect(await invoked(server, 'live')).toEqual(ran('version2', '2', 'live'))
    await client.send(new UpdateAliasCommand({ ...named, FunctionVersion: '3', RoutingConfig: {} }))
  }
  await using server = await startQuickServer({}, folder)
  expect(await invoked(server, 'live')).toEqual(ran('version3', '3', 'live'))
  expect(await invoked(server, '1')).toEqual(ran('version1', '1', '1'))
  expect(await invoked(server, '2')).toEqual(ran('version2', '2', '2'))
  expect(await invoked(server, '3')).toEqual(ran('version3', '3', '3'))
  expect(await invoked(server)).toEqual(ran('version3', '$LATEST'))
  await server.client.send(new DeleteAliasCommand({ FunctionName, Name: 'live' }))
  await server.client.send(new DeleteFunctionCommand({ FunctionName, Qualifier: '3' }))
  for (const qualifier of ['live', '3'])
    await expect(invoked(server, qualifier)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: `Function not found: ${arn}:${qualifier}`,
    })
  expect(await invoked(server, '2')).toEqual(ran('version2', '2', '2'))
})

test('a function imports what its layer brings', async () => {
  await using server = await startQuickServer()
  const { client } = server
  const layer = await client.send(
    new PublishLayerVersionCommand({
      LayerName: 'greeting',
      Content: {
        ZipFile: await zipOf({
          'nodejs/node_modules/greeting/package.json': '{"name":"greeting","type":"module","main":"index.js"}',
          'nodejs/node_modules/greeting/index.js': `export const greet = (name) => 'hello ' + name`,
        }),
      },
    }),
  )
  const code = `import { greet } from 'greeting'\nexport const handler = async ({ name }) => greet(name)`
  await server.create(FunctionName, {
    Code: { ZipFile: await zipOf({ 'index.mjs': code }) },
    Layers: [layer.LayerVersionArn ?? ''],
  })
  expect((await server.invoke(FunctionName, { name: 'layer' })).payload).toBe('hello layer')
})
