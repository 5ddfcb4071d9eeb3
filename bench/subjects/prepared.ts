/** A data folder with the bench's functions deployed, as a server leaves it: made once, by the API, and kept. */
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { ZipFile } from 'yazl'
import { z } from 'zod'
import { cached, hashOfFiles } from '../cache.ts'
import { NotMeasured } from '../figure.ts'
import { builtBy } from '../guests/guests.ts'
import { assemblyScriptSource, javaScriptSource, sourceOf } from '../guests/sources.ts'
import { startThaw } from './thaw.ts'

export interface Deployment {
  name: string
  runtime: 'nodejs24.x' | 'assemblyscript'
  file: string
  source: string
  timeoutSeconds: number
}

/** The functions of a folder: echoes in both languages, one that never ends, slow inits, and echoes called once each. */
export interface PreparedFunctions {
  first: string[]
  slowInit: string[]
  all: Deployment[]
}

function preparedFunctions(firstCount: number, slowInitCount: number): PreparedFunctions {
  const javaScript = (name: string, source: string, timeoutSeconds = 3): Deployment => ({
    name,
    runtime: 'nodejs24.x',
    file: 'index.mjs',
    source,
    timeoutSeconds,
  })
  const first = Array.from({ length: firstCount }, (_, index) =>
    javaScript(`first-${index}`, javaScriptSource(1_000 + index)),
  )
  const slowInit = Array.from({ length: slowInitCount }, (_, index) =>
    javaScript(`slow-init-${index}`, `${sourceOf('slow-init.js')}globalThis.variant = ${index}\n`),
  )
  const echo: Deployment = {
    name: 'echo-as',
    runtime: 'assemblyscript',
    file: 'index.ts',
    source: assemblyScriptSource(0),
    timeoutSeconds: 3,
  }
  const others = [javaScript('echo-js', javaScriptSource(0)), echo, javaScript('spin', sourceOf('spin.js'), 1)]
  const names = (deployments: Deployment[]) => deployments.map(({ name }) => name)
  return { first: names(first), slowInit: names(slowInit), all: [...others, ...slowInit, ...first] }
}

export interface Deployed {
  readonly functions: PreparedFunctions
  /** Path of the data folder; the same for the whole run. Errors: NotMeasured, with what the API said. */
  folder(): Promise<string>
}

/** One folder each for the short and the long run. */
export function createDeployed(quick: boolean, onStep: (text: string) => void): Deployed {
  const functions = quick ? preparedFunctions(10, 3) : preparedFunctions(30, 6)
  let folder: Promise<string> | undefined
  return {
    functions,
    folder() {
      folder ??= preparedFolder(functions, onStep)
      return folder
    },
  }
}

function preparedFolder(functions: PreparedFunctions, onStep: (text: string) => void): Promise<string> {
  const key = hashOfFiles([...builtBy, 'src/store', 'src/functions'], JSON.stringify(functions.all))
  return cached(`data-${functions.all.length}`, key, async (path) => {
    await using server = await startThaw({ dataDir: path, workers: 1 })
    const url = `http://127.0.0.1:${server.port}/2015-03-31/functions`
    for (const [index, deployment] of functions.all.entries()) {
      onStep(`deploying for the first time: ${deployment.name} (${index + 1} of ${functions.all.length})`)
      await deploy(url, deployment)
    }
  })
}

const stateSchema = z.object({ State: z.string(), StateReason: z.string().optional() })

async function deploy(url: string, { name, runtime, file, source, timeoutSeconds }: Deployment): Promise<void> {
  const zip = new ZipFile()
  zip.addBuffer(Buffer.from(source), file)
  zip.end()
  await call(url, {
    method: 'POST',
    body: JSON.stringify({
      FunctionName: name,
      Runtime: runtime,
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/any',
      Timeout: timeoutSeconds,
      Code: { ZipFile: (await buffer(zip.outputStream)).toString('base64') },
    }),
  })
  for (;;) {
    const { State, StateReason } = stateSchema.parse(await call(`${url}/${name}/configuration`))
    if (State === 'Active') return
    if (State === 'Failed') throw new NotMeasured(`${name} could not be deployed: ${StateReason ?? ''}`)
    await sleep(20)
  }
}

async function call(url: string, init?: RequestInit): Promise<unknown> {
  const response = await fetch(url, init)
  const text = await response.text()
  if (!response.ok) throw new NotMeasured(`${url} answered ${response.status}: ${text.slice(0, 300)}`)
  return JSON.parse(text)
}
