/**
 * The builder process: one job, one answer, exit. Everything that may hang, crash, bloat or poison a process happens
 * here. It runs under Node's permission model (builder-process.ts says with what).
 */
import { join } from 'node:path'
import { ThawError } from '../errors.ts'
import { makeBase, writeBase } from './base/base.ts'
import { NeedsBase } from './base/build.ts'
import { jobSchema, type Answer } from './builder-protocol.ts'
import { dieWithParent } from './die-with-parent.ts'
import { runJob } from './job.ts'

dieWithParent()
process.once('message', (message) => {
  void answer(message).then((reply) => {
    process.send?.(reply, undefined, undefined, () => process.exit(0))
  })
})

async function answer(message: unknown): Promise<Answer> {
  try {
    const job = jobSchema.parse(message)
    if (job.kind === 'function') return { kind: 'built', built: await runJob(job) }
    await writeBase(join(job.stagingFolder, 'base'), await makeBase(job.base, job.workFolder))
    return { kind: 'base' }
  } catch (error) {
    if (error instanceof NeedsBase) return { kind: 'needs-base', base: error.base }
    if (error instanceof ThawError) {
      const code = error.code === 'InvalidParameterValue' ? error.code : 'Build'
      return { kind: 'failed', code, message: error.message.slice(0, 20_000) }
    }
    // For the operator's log; the owner sees that it was not the code's fault.
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return { kind: 'failed', code: 'Build', message: 'The build failed for an internal reason' }
  }
}
