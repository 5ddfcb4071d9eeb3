/** A folder's function on a server, kept as the folder is. */
import { createHash } from 'node:crypto'
import { ThawError } from '../../errors.ts'
import type { Client } from '../client.ts'
import { deployProject, findFunction, functionPath, openUrl, running, updateCode } from './deployment.ts'
import { packProject } from './pack.ts'
import { readProject, type Project } from './project.ts'
import { withSourceFrame } from './source-frame.ts'

export type Swap =
  | { kind: 'ready'; project: Project; functionUrl: string | undefined; tookMs: number }
  | { kind: 'unchanged' }
  /** What ran before still runs. `message` has the lines of source it speaks of. */
  | { kind: 'failed'; message: string }

export interface DevSession {
  /** Never rejects for what is wrong with the folder. */
  swap(): Promise<Swap>
}

export function createDevSession(client: Client, folder: string): DevSession {
  let lastTried: string | undefined
  let live: { name: string; settings: string } | undefined

  async function deploy(project: Project, zip: Buffer, settings: string): Promise<void> {
    if (live?.settings === settings) {
      running(await updateCode(client, project.name, zip))
      return
    }
    // Called otherwise now: the old name goes.
    if (live !== undefined && live.name !== project.name) await remove(client, live.name)
    const found = await findFunction(client, project.name)
    // A function that never ran cannot be updated.
    if (found?.State === 'Failed') await remove(client, project.name)
    live = undefined
    await deployProject(client, project, zip)
    live = { name: project.name, settings }
  }

  return {
    async swap() {
      const began = performance.now()
      try {
        const project = readProject(folder)
        const zip = await packProject(project)
        const settings = JSON.stringify(project)
        const tried = createHash('sha256').update(settings).update(zip).digest('hex')
        if (tried === lastTried) return { kind: 'unchanged' }
        lastTried = tried
        await deploy(project, zip, settings)
        const tookMs = performance.now() - began
        return {
          kind: 'ready',
          project,
          functionUrl: project.url ? await openUrl(client, project.name) : undefined,
          tookMs,
        }
      } catch (error) {
        if (!(error instanceof ThawError)) throw error
        return { kind: 'failed', message: withSourceFrame(error.message, folder) }
      }
    },
  }
}

async function remove(client: Client, name: string): Promise<void> {
  await client.send({ method: 'DELETE', path: functionPath(name) })
}
