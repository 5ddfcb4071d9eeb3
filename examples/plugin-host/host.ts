/**
 * A program that runs untrusted plugins, with Thaw as a library: started here, on a free port of loopback, with a data
 * folder of its own, and gone with this program. A plugin is a Lambda function: installed once, called as often as
 * wanted, each call from its snapshot and within its limits.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { CreateFunctionCommand, InvokeCommand, LambdaClient, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda'
import { pino } from 'pino'
import { ZipFile } from 'yazl'
// In a project of one's own: from 'thaw'.
import { configFromEnvironment, startThaw } from '../../src/index.ts'

export type Answer =
  | { kind: 'answered'; value: unknown }
  /** The plugin failed or was ended: `Sandbox.Timedout`, `Runtime.OutOfMemory`, or an error of its own. */
  | { kind: 'failed'; errorType: string; errorMessage: string }

export interface PluginHost extends AsyncDisposable {
  /** Rejects if the source cannot be built: with the reason, as its author needs it. */
  install(name: string, source: string): Promise<void>
  run(name: string, event: unknown): Promise<Answer>
}

export async function startPluginHost(): Promise<PluginHost> {
  const dataDir = await mkdtemp(join(tmpdir(), 'plugins-'))
  const config = configFromEnvironment({}, { port: 0, workers: 1, dataDir })
  const thaw = await startThaw(config, { logger: pino({ level: 'silent' }) })
  const client = new LambdaClient({
    endpoint: thaw.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  })
  return {
    async install(name, source) {
      const zip = new ZipFile()
      zip.addBuffer(Buffer.from(source), 'index.mjs')
      zip.end()
      await client.send(
        new CreateFunctionCommand({
          FunctionName: name,
          Runtime: 'nodejs24.x',
          Handler: 'index.handler',
          Role: 'arn:aws:iam::000000000000:role/any',
          Code: { ZipFile: await buffer(zip.outputStream) },
          // One second, 128 MB: what a plugin may cost.
          Timeout: 1,
          MemorySize: 128,
        }),
      )
      await waitUntilFunctionActiveV2(
        { client, maxWaitTime: 60, minDelay: 0.05, maxDelay: 0.2 },
        { FunctionName: name },
      )
    },
    async run(name, event) {
      const command = new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) })
      const { FunctionError, Payload } = await client.send(command)
      const value = JSON.parse(Buffer.from(Payload ?? []).toString())
      if (FunctionError === undefined) return { kind: 'answered', value }
      return { kind: 'failed', errorType: value.errorType, errorMessage: value.errorMessage }
    },
    async [Symbol.asyncDispose]() {
      client.destroy()
      await thaw.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Every plugin of the folder, called once. */
export async function tryAll(host: PluginHost, folder = join(import.meta.dirname, 'plugins')) {
  const answers: Record<string, Answer> = {}
  for (const file of await readdir(folder)) {
    const name = basename(file, '.mjs')
    await host.install(name, await readFile(join(folder, file), 'utf8'))
    answers[name] = await host.run(name, { text: 'hello' })
  }
  return answers
}

if (import.meta.main) {
  await using host = await startPluginHost()
  console.log(await tryAll(host))
}
