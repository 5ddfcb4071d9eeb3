/** The examples as their readers deploy them: the folder zipped with its dependencies, through the AWS SDK. */
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  AddPermissionCommand,
  CreateFunctionUrlConfigCommand,
  type CreateFunctionCommandInput,
} from '@aws-sdk/client-lambda'
import { zipOf, type TestServer } from '../e2e/server.ts'
import { send, type Answer, type RequestOptions } from '../worker/support/harness.ts'

const root = join(import.meta.dirname, '..', '..')

export interface Example {
  /** Its folder under examples/, and the function's name. */
  name: string
  /** What `npm install` puts into its node_modules: taken from the repository's own. */
  packages?: readonly string[]
  /** AWS's type does not know Thaw's own runtimes. */
  runtime?: 'nodejs22.x' | 'nodejs24.x' | 'assemblyscript' | 'provided.component'
}

/** What its reader uploads. */
export function zipOfExample({ name, packages = [] }: Example): Promise<Buffer> {
  const files = filesOf(join('examples', name), ['**/*.{js,mjs,ts,json}'], '')
  for (const dependency of packages) {
    const path = join('node_modules', dependency)
    Object.assign(files, filesOf(path, ['**/*.{js,cjs,mjs}', 'package.json', '**/package.json'], path))
  }
  return zipOf(files)
}

export async function deploy(
  server: TestServer,
  example: Example,
  more: Partial<CreateFunctionCommandInput> = {},
): Promise<void> {
  const { name, runtime = 'nodejs24.x' } = example
  const given = { Runtime: runtime as never, Code: { ZipFile: await zipOfExample(example) } }
  await server.create(more.FunctionName ?? name, { ...given, ...more })
}

function filesOf(folder: string, patterns: string[], prefix: string): Record<string, Buffer> {
  const paths = globSync(patterns, { cwd: join(root, folder), exclude: ['src/**'] })
  const files = paths.filter((path) => statSync(join(root, folder, path)).isFile())
  return Object.fromEntries(files.map((path) => [join(prefix, path), readFileSync(join(root, folder, path))]))
}

/** Gives a function a URL that anybody may call, and how to call it: by its Host header. */
export async function urlOf({ client, thaw }: TestServer, name: string) {
  const { FunctionUrl } = await client.send(
    new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: 'NONE' }),
  )
  await client.send(
    new AddPermissionCommand({
      FunctionName: name,
      StatementId: 'open',
      Action: 'lambda:InvokeFunctionUrl',
      Principal: '*',
      FunctionUrlAuthType: 'NONE',
    }),
  )
  const { host } = new URL(FunctionUrl ?? '')
  return (
    method: string,
    path: string,
    { headers, body }: Pick<RequestOptions, 'headers' | 'body'> = {},
  ): Promise<Answer> =>
    send({ port: thaw.port, method, path, headers: { ...headers, host }, ...(body !== undefined && { body }) })
}
