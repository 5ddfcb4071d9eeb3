/** The load generator's process: loads come as messages, one at a time, and results go back. */
import { runClosedLoad } from './closed.ts'
import { runOpenLoad } from './open.ts'
import type { FromGenerator, Load } from './plan.ts'

const tell = (message: FromGenerator) => process.send?.(message)

process.on('message', (load: Load) => {
  const run = load.kind === 'closed' ? runClosedLoad(load) : runOpenLoad(load)
  run.then(
    (result) => tell({ type: 'result', result }),
    (error: unknown) => tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) }),
  )
})
// The bench has ended, however it did: nothing is left to generate for.
process.on('disconnect', () => process.exit())
