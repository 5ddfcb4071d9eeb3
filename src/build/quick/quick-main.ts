/**
 * The quick builder's process: builds what it is sent, one after the other. JavaScript goes into the base, which is made
 * as soon as the process starts; the rest as in builder-main.ts, by tools that are loaded and warm. Unlike that process
 * it lives through many builds, all of one developer's code; it runs under the same permissions.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ThawError } from '../../errors.ts'
import { writeSnapshot } from '../../snapshot/image.ts'
import { jobSchema, type Job } from '../builder-protocol.ts'
import { writeEngine } from '../component.ts'
import { dieWithParent } from '../die-with-parent.ts'
import { javascriptRoundToPages, runJob } from '../job.ts'
import { describeInitFailure } from '../languages/init-mark.ts'
import { bundlePackage, initReport } from '../languages/javascript.ts'
import { openLayers } from '../layers.ts'
import { openPackage, unzippedBytesOf } from '../package.ts'
import { makeBase, type Base } from './base.ts'
import { evaluate } from './evaluate.ts'
import { scriptOf, UnsuitableBundle } from './loader.ts'
import type { QuickAnswer } from './protocol.ts'

dieWithParent()
const [root = ''] = process.argv.slice(2)
const base = makeBase(join(root, 'base'))
// A job that waits for it says so.
base.catch(() => {})
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
    await mkdir(job.workFolder, { recursive: true })
    await mkdir(job.stagingFolder, { recursive: true })
    if (job.runtime.startsWith('nodejs')) return await build(job, await base)
    return { kind: 'built', built: await runJob(job) }
  } catch (error) {
    if (error instanceof UnsuitableBundle) return { kind: 'unsuitable', reason: error.message, healthy: true }
    if (error instanceof ThawError) {
      const code = error.code === 'InvalidParameterValue' ? error.code : 'Build'
      return { kind: 'failed', code, message: error.message.slice(0, 20_000) }
    }
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { kind: 'unsuitable', reason, healthy: false }
  }
}

async function build({ runtime, handler, codePath, layerPaths, ...job }: Job, from: Base): Promise<QuickAnswer> {
  const { workFolder, stagingFolder, limits } = job
  const opened = await openPackage(await readFile(codePath), limits)
  if (opened.kind !== 'files') return { kind: 'unsuitable', reason: 'no JavaScript', healthy: true }
  const layers = await openLayers(layerPaths, unzippedBytesOf(opened), limits)
  const nodeMajor = /^nodejs(\d+)\.x$/.exec(runtime)?.[1] ?? ''
  const { code } = await bundlePackage({ files: opened.files, layers, handler, workFolder, limits, nodeMajor })
  const { engine, manifest, full } = from
  const options = { hash: engine, manifest, full, limits, roundToPages: javascriptRoundToPages }
  const captured = await evaluate({ ...options, script: scriptOf(code) }).catch((cause: unknown) => {
    if (cause instanceof UnsuitableBundle) throw cause
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new ThawError('Build', describeInitFailure(text), { cause })
  })
  await writeEngine(stagingFolder, engine, from.text, from.lean)
  const snapshot = await writeSnapshot(stagingFolder, { engine, ...captured, initMs: 0 })
  const sizes = captured.memories.map(({ bytes }) => bytes.length)
  const largest = captured.memories[sizes.indexOf(Math.max(...sizes))]?.bytes ?? new Uint8Array()
  const snapshotMemoryBytes = sizes.reduce((sum, bytes) => sum + bytes, 0)
  return { kind: 'built', built: { engine, snapshot, snapshotMemoryBytes, ...initReport(largest) } }
}
