/** A data folder with HTTP components deployed, each behind a function URL that anybody may call: made once, and kept. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Canary } from '../canary.ts'
import { cached, hashOfFiles } from '../cache.ts'
import { NotMeasured } from '../figure.ts'
import { builtBy } from '../guests/guests.ts'
import { httpGuests, type HttpGuest } from '../guests/http.ts'
import type { LoadTarget } from '../load/plan.ts'
import type { Peers } from './peers.ts'
import { startThaw, type ThawServer } from './thaw.ts'

export interface DeployedHttp {
  /** Path of the data folder. One server at a time may use it. Errors: NotMeasured, with what failed. */
  folder(): Promise<string>
}

export function createDeployedHttp(peers: Peers, onStep: (text: string) => void): DeployedHttp {
  let folder: Promise<string> | undefined
  return {
    folder() {
      folder ??= preparedFolder(peers, onStep)
      return folder
    },
  }
}

async function preparedFolder(peers: Peers, onStep: (text: string) => void): Promise<string> {
  const guests = httpGuests(await peers.jcoComponent())
  const made = ['src/store', 'src/functions', 'bench/guests', 'test/fixtures/http', 'test/support/http-guests.ts']
  const key = hashOfFiles([...builtBy, ...made, 'bench/subjects/prepared-http.ts'])
  return cached('http', key, async (path) => {
    await using server = await startThaw({ dataDir: path, workers: 1 })
    const call = callerOf(server)
    for (const guest of guests) {
      onStep(`deploying for the first time: ${guest.name}`)
      await deploy(call, guest, await componentOf(guest))
    }
  })
}

type Call = (path: string, body?: unknown) => Promise<unknown>

const timeoutSeconds = 300
const stateSchema = z.object({ State: z.string(), StateReason: z.string().optional() })
const urlSchema = z.object({ FunctionUrl: z.url() })

async function componentOf({ name, component }: HttpGuest): Promise<Uint8Array> {
  try {
    return await component()
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new NotMeasured(`${name} could not be built: ${text.slice(0, 300)}`, { cause })
  }
}

async function deploy(call: Call, { name, memoryMb }: HttpGuest, component: Uint8Array): Promise<void> {
  await call('/2015-03-31/functions', {
    FunctionName: name,
    Runtime: 'provided.component',
    Handler: 'any',
    Role: 'arn:aws:iam::000000000000:role/any',
    Timeout: timeoutSeconds,
    MemorySize: memoryMb,
    Code: { ZipFile: Buffer.from(component).toString('base64') },
    Egress: { Allow: ['localhost:*'] },
  })
  for (;;) {
    const { State, StateReason } = stateSchema.parse(await call(`/2015-03-31/functions/${name}/configuration`))
    if (State === 'Active') break
    if (State === 'Failed') throw new NotMeasured(`${name} could not be deployed: ${StateReason ?? ''}`)
    await sleep(20)
  }
  await call(`/2021-10-31/functions/${name}/url`, { AuthType: 'NONE' })
  await call(`/2015-03-31/functions/${name}/policy`, {
    StatementId: 'open',
    Action: 'lambda:InvokeFunctionUrl',
    Principal: '*',
    FunctionUrlAuthType: 'NONE',
  })
}

/** POST with a body, GET without. Errors: NotMeasured, with the answer. */
function callerOf(server: ThawServer): Call {
  return async (path, body) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init)
    const text = await response.text()
    if (!response.ok) throw new NotMeasured(`${path} answered ${response.status}: ${text.slice(0, 300)}`)
    return JSON.parse(text)
  }
}

/** A deployed component by its function URL. */
export async function httpTarget(
  server: ThawServer,
  name: string,
  canary: Canary,
  path = '/',
): Promise<LoadTarget & { headers: { host: string } }> {
  const { FunctionUrl } = urlSchema.parse(await callerOf(server)(`/2021-10-31/functions/${name}/url`))
  const { host } = new URL(FunctionUrl)
  return { host: '127.0.0.1', ports: [server.port], path, headers: { host }, canary }
}
