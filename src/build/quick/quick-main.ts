/**
 * The quick builder's process: builds what it is sent, one after the other, by tools that are loaded and warm. Unlike that process
 * it lives through many builds, all of one developer's code; it runs under the same permissions.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { ThawError } from '../../errors.ts'
import { readBase, type Base } from '../base/base.ts'
import { buildInBase, isForBase, NeedsBase } from '../base/build.ts'
import { UnsuitableBundle } from '../base/loader.ts'
import { jobSchema, type Built, type Job } from '../builder-protocol.ts'
import { dieWithParent } from '../die-with-parent.ts'
import { runJob } from '../job.ts'
import { openLayers } from '../layers.ts'
import { openPackage, unzippedBytesOf } from '../package.ts'
import type { QuickAnswer } from './protocol.ts'

dieWithParent()
const known = new Map<string, Promise<Base>>()
let last: Promise<void> = Promise.resolve()
process.on('message', (message) => {
  last = last.then(async () => {
    const reply = await answer(message)
    await new Promise((resolve) => {
      process.send?.(reply, undefined, undefined, resolve)
    })
  })
})

async function answer(message: unknown): Promise<QuickAnswer> {
  try {
    const job = jobSchema.parse(message)
    if (job.kind !== 'function') throw new ThawError('Build', 'The quick builder builds functions')
    await mkdir(job.workFolder, { recursive: true })
    await mkdir(job.stagingFolder, { recursive: true })
    return { kind: 'built', built: await build(job) }
  } catch (error) {
    if (error instanceof NeedsBase) return { kind: 'needs-base', base: error.base }
    if (error instanceof UnsuitableBundle) return { kind: 'unsuitable', reason: error.message, healthy: true }
    if (error instanceof ThawError) {
      const code = error.code === 'InvalidParameterValue' ? error.code : 'Build'
      return { kind: 'failed', code, message: error.message.slice(0, 20_000) }
    }
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { kind: 'unsuitable', reason, healthy: false }
  }
}

/** The bases stay in memory, and an ordinary build is the parent's to start. */
async function build(job: Job): Promise<Built> {
  const { codePath, layerPaths, bases, runtime, limits } = job
  if (bases === undefined || !runtime.startsWith('nodejs')) return runJob(job)
  const opened = await openPackage(await readFile(codePath), limits)
  if (!isForBase(runtime, opened)) return runJob(job)
  const layers = await openLayers(layerPaths, unzippedBytesOf(opened), limits)
  const { event, http } = bases
  const available = { event: () => baseAt(event), http: http === undefined ? undefined : () => baseAt(http) }
  return buildInBase(available, { ...job, files: opened.files, layers })
}

function baseAt(path: string): Promise<Base> {
  const base = known.get(path) ?? readBase(path)
  known.set(path, base)
  return base
}
