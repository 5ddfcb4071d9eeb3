/** A folder's function on a server, kept as the folder is. */
import { createHash } from 'node:crypto'
import { ThawError } from '../../errors.ts'
import type { Client } from '../client.ts'
import { deployProject, findFunction, functionPath, openUrl, running, updateCode } from './deployment.ts'
import { packProject } from './pack.ts'
import { readProject, type Project } from './project.ts'
import { withSourceFrame } from './source-frame.ts'

export type Swap =
  | { kind: 'ready'; project: Project; functionUrl: string | undefined; tookMs: number; warnings: string[] }
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

  async function deploy(project: Project, zip: Buffer, settings: string): Promise<string[]> {
    if (live?.settings === settings) return running(await updateCode(client, project.name, zip)).BuildWarnings
    // Called otherwise now: the old name goes.
    if (live !== undefined && live.name !== project.name) await remove(client, live.name)
    const found = await findFunction(client, project.name)
    // A function that never ran cannot be updated.
    if (found?.State === 'Failed') await remove(client, project.name)
    live = undefined
    const { BuildWarnings } = await deployProject(client, project, zip)
    live = { name: project.name, settings }
    return BuildWarnings
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
        const warnings = await deploy(project, zip, settings)
        const tookMs = performance.now() - began
        return {
          kind: 'ready',
          project,
          functionUrl: project.url ? await openUrl(client, project.name) : undefined,
          tookMs,
          warnings,
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
