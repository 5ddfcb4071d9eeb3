/** A controller in a process of its own, to be killed. argv: its data folder. Tells its parent url and workers. */
import { startController } from '../../../src/controller/start.ts'
import { scriptedRuntime } from '../../worker/support/harness.ts'
import { configOf, silent } from './server.ts'

const controller = await startController(configOf(process.argv[2] ?? ''), {
  logger: silent,
  runtimeModule: scriptedRuntime,
})
process.send?.({ port: controller.port, workers: controller.workers() })
