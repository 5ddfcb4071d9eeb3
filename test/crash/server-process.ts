/** A whole server in a process of its own, to be killed. argv: the configuration as JSON. Tells its parent when it serves. */
import { pino } from 'pino'
import { configFromEnvironment } from '../../src/config.ts'
import { startController } from '../../src/controller/start.ts'

const logger = pino({ level: process.env.THAW_TEST_LOG ?? 'silent' }, pino.destination(2))
const controller = await startController(configFromEnvironment({}, JSON.parse(process.argv[2] ?? '{}')), {
  logger,
  runtimeModule: new URL('recording-runtime.ts', import.meta.url).href,
})
process.on('message', (message) => {
  if (message === 'workers') process.send?.({ workers: controller.workers().serving })
  if (message === 'close') void controller.close().then(() => process.exit(0))
})
process.send?.({ port: controller.port })
