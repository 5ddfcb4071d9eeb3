/**
 * The builder process: one job, one answer, exit. Everything that may hang, crash, bloat or poison a process happens
 * here. It runs under Node's permission model (builder-process.ts says with what).
 */
import { readFile } from 'node:fs/promises'
import koffi from 'koffi'
import { ThawError } from '../errors.ts'
import { jobSchema, type Answer, type Built, type Job } from './builder-protocol.ts'
import { componentToArtifacts } from './component.ts'
import { buildComponent } from './languages/languages.ts'
import { openLayers } from './layers.ts'
import { openPackage, unzippedBytesOf } from './package.ts'

/** linux/prctl.h */
const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

dieWithParent()
process.once('message', (message) => {
  void answer(message).then((reply) => {
    process.send?.(reply, undefined, undefined, () => process.exit(0))
  })
})

/** A build in native code cannot notice that nobody waits for it any more: the kernel ends it with its parent. */
function dieWithParent(): void {
  process.once('disconnect', () => process.exit(1))
  if (process.platform !== 'linux') return
  const parent = process.ppid
  const prctl = koffi.load(null).func('int prctl(int option, unsigned long value)')
  prctl(PR_SET_PDEATHSIG, SIGKILL)
  // It may have died before the call.
  if (process.ppid !== parent) process.exit(1)
}

async function answer(message: unknown): Promise<Answer> {
  try {
    return { kind: 'built', built: await build(jobSchema.parse(message)) }
  } catch (error) {
    if (error instanceof ThawError) {
      const code = error.code === 'InvalidParameterValue' ? error.code : 'Build'
      return { kind: 'failed', code, message: error.message.slice(0, 20_000) }
    }
    // For the operator's log; the owner sees that it was not the code's fault.
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return { kind: 'failed', code: 'Build', message: 'The build failed for an internal reason' }
  }
}

/** 1 MiB. */
const javascriptRoundToPages = 16

async function build({ runtime, handler, codePath, layerPaths, ...job }: Job): Promise<Built> {
  const { workFolder, stagingFolder, limits } = job
  const opened = await openPackage(await readFile(codePath), limits)
  const layers = await openLayers(layerPaths, unzippedBytesOf(opened), limits)
  const made = await buildComponent({ runtime, opened, layers, handler, workFolder, limits })
  const artifacts = await componentToArtifacts(made.component, {
    artifactsDir: stagingFolder,
    limits,
    // All JavaScript functions share an engine: with memories of the same sizes, also each other's idle instances.
    roundToPages: runtime.startsWith('nodejs') ? javascriptRoundToPages : 1,
  })
  return {
    ...artifacts,
    // JavaScript's init ran while the component was made; what capture ran is the rest.
    initMs: made.initMs + artifacts.initMs,
    warnings: [...made.warnings, ...artifacts.warnings],
  }
}
