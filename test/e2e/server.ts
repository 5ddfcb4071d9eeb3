/** A whole server, as `npm start` makes it: controller, workers, builders, store, in a temporary folder and on a free port. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
  type CreateFunctionCommandInput,
  type InvokeCommandInput,
} from '@aws-sdk/client-lambda'
import { pino } from 'pino'
import { ZipFile } from 'yazl'
import { createQuickBuilder } from '../../src/build/quick/quick-builder.ts'
import { configFromEnvironment, startThaw, type Thaw, type ThawOptions } from '../../src/index.ts'
import { testCacheDir } from '../support/cache-dir.ts'

export const role = 'arn:aws:iam::000000000000:role/any'

export interface TestServer extends AsyncDisposable {
  thaw: Thaw
  dataDir: string
  client: LambdaClient
  /** Creates and waits until active. */
  create(name: string, input: Partial<CreateFunctionCommandInput>): Promise<void>
  updated(name: string): Promise<void>
  invoke(name: string, event?: unknown, more?: Partial<InvokeCommandInput>): Promise<Answer>
}

export interface Answer {
  status: number | undefined
  functionError: string | undefined
  /** Parsed JSON. */
  payload: unknown
  log: string
}

/** `startServer` with the builder of `thaw dev`, for tests that deploy much and are not about building. */
export const startQuickServer = (overrides: Record<string, unknown> = {}, folder?: string): Promise<TestServer> =>
  startServer(overrides, folder, { createBuilder: createQuickBuilder })

export async function startServer(
  overrides: Record<string, unknown> = {},
  folder?: string,
  options: Pick<ThawOptions, 'createBuilder'> = {},
): Promise<TestServer> {
  const dataDir = folder ?? (await mkdtemp(join(tmpdir(), 'thaw-e2e-')))
  const config = configFromEnvironment({}, { port: 0, workers: 2, dataDir, cacheDir: testCacheDir, ...overrides })
  const thaw = await startThaw(config, { ...options, logger: pino({ level: 'silent' }) })
  const client = clientOf(thaw.url)
  return {
    thaw,
    dataDir,
    client,
    create: (name, input) => create(client, name, input),
    async updated(name) {
      await waitUntilFunctionUpdatedV2(
        { client, maxWaitTime: 60, minDelay: 0.05, maxDelay: 0.2 },
        { FunctionName: name },
      )
    },
    invoke: (name, event, more) => invoke(client, name, event, more),
    async [Symbol.asyncDispose]() {
      client.destroy()
      await thaw.close()
      if (folder === undefined) await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export function clientOf(url: string): LambdaClient {
  return new LambdaClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  })
}

export async function create(
  client: LambdaClient,
  name: string,
  input: Partial<CreateFunctionCommandInput>,
): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role,
      Runtime: 'nodejs24.x' as const,
      Handler: 'index.handler',
      Code: {},
      ...input,
    }),
  )
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60, minDelay: 0.05, maxDelay: 0.2 }, { FunctionName: name })
}

export async function invoke(
  client: LambdaClient,
  name: string,
  event: unknown = {},
  more: Partial<InvokeCommandInput> = {},
): Promise<Answer> {
  const answer = await client.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event), ...more }))
  const text = Buffer.from(answer.Payload ?? []).toString()
  return {
    status: answer.StatusCode,
    functionError: answer.FunctionError,
    payload: text === '' ? undefined : JSON.parse(text),
    log: Buffer.from(answer.LogResult ?? '', 'base64').toString(),
  }
}

/** The bytes of a zip with these files. */
export async function zipOf(files: Record<string, string | Uint8Array>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [path, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), path)
  zip.end()
  return buffer(zip.outputStream)
}
