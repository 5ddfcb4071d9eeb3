/** The example that a new server deploys itself, as any client would, and the lines that show how to go on. */
import { readdirSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ZipFile } from 'yazl'
import { z } from 'zod'
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'

export interface HelloOptions {
  url: string
  config: Config
  say: (line: string) => void
}

const folder = fileURLToPath(new URL('../../examples/hello', import.meta.url))
const functionName = 'hello'
const role = 'arn:aws:iam::000000000000:role/any'
const event = '{"name":"you"}'
const pollMs = 100

const stateSchema = z.object({ State: z.string(), StateReason: z.string().optional() })
const messageSchema = z.object({ message: z.string().optional(), Message: z.string().optional() })

/** Resolves when the function is active. Throws `Service` with the API's message. */
export async function deployHello({ url, config, say }: HelloOptions): Promise<void> {
  const began = performance.now()
  say(`Deploying examples/hello: packaging`)
  const zip = await zipFolder(folder)
  await writeFile(zipPath(config), zip)
  say('Deploying examples/hello: building, and taking the snapshot')
  await call(`${url}/2015-03-31/functions`, {
    method: 'POST',
    body: JSON.stringify({
      FunctionName: functionName,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: role,
      Code: { ZipFile: zip.toString('base64') },
    }),
  })
  for (;;) {
    const { State, StateReason } = stateSchema.parse(
      await call(`${url}/2015-03-31/functions/${functionName}/configuration`),
    )
    if (State === 'Failed') throw new ThawError('Service', `examples/hello could not be deployed: ${StateReason}`)
    if (State === 'Active') break
    await new Promise((resolve) => {
      setTimeout(resolve, pollMs)
    })
  }
  say(`Deployed examples/hello in ${((performance.now() - began) / 1_000).toFixed(1)} s`)
}

/** Three lines for a shell, once there is a function `hello`; nothing without it. */
export async function usageLines({ url, config }: Pick<HelloOptions, 'url' | 'config'>): Promise<string[]> {
  const found = await fetch(`${url}/2015-03-31/functions/${functionName}/configuration`)
  await found.body?.cancel()
  const zip = await readFile(zipPath(config)).catch(() => undefined)
  if (!found.ok || zip === undefined) return []
  await writeFile(eventPath(config), event)
  // These are to work as they stand: no credentials, no configuration, and either major version of the AWS command line,
  // which differ in how they read a payload that is not in a file.
  const aws = `aws lambda --no-sign-request --endpoint-url ${url} --region ${config.region}`
  return [
    `curl -s ${url}/2015-03-31/functions/${functionName}/invocations -d '${event}'`,
    `${aws} invoke --function-name ${functionName} --payload 'fileb://${eventPath(config)}' /dev/stdout`,
    `${aws} create-function --function-name mine --runtime nodejs24.x --handler index.handler --role ${role} --zip-file 'fileb://${zipPath(config)}'`,
  ]
}

/** Kept, so that the third line has a zip to deploy. */
function zipPath(config: Config): string {
  return join(config.dataDir, 'hello.zip')
}

function eventPath(config: Config): string {
  return join(config.dataDir, 'hello.json')
}

function zipFolder(path: string): Promise<Buffer> {
  const zip = new ZipFile()
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    // A date of its own would make every server's zip another package.
    if (entry.isFile()) zip.addBuffer(readFileSync(join(path, entry.name)), entry.name, { mtime: new Date(0) })
  }
  zip.end()
  return buffer(zip.outputStream)
}

async function call(url: string, init?: RequestInit): Promise<unknown> {
  const response = await fetch(url, init)
  const body: unknown = await response.json()
  if (response.ok) return body
  const { message, Message } = messageSchema.parse(body)
  throw new ThawError('Service', message ?? Message ?? `${url} answered ${response.status}`)
}
