/**
 * A worker process. The controller forks it under Node's permission model, tells it what to serve, and then where.
 * argv: the controller's pid.
 */
import { once } from 'node:events'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { ThawError } from '../errors.ts'
import type { FunctionSpec } from '../invocation.ts'
import { createRuntime, type FunctionRuntime, type RuntimeOptions } from '../instance/runtime.ts'
import { SharedPage } from '../memory/shared-page.ts'
import { permittedNetworks } from '../functions/private-egress.ts'
import { createKeyRing } from '../identity/key-ring.ts'
import { createWorkerAccess } from './access.ts'
import { guardProcess } from './guard.ts'
import { createHoldings } from './holdings.ts'
import type { FromWorker, Notice, ToWorker, WorkerChange, WorkerInit } from './messages.ts'
import { dieWithParent } from './parent-death.ts'
import { createRunner } from './runner.ts'
import { createWorkerServer } from './server.ts'
import { SpecTable } from './spec-table.ts'
import { Telemetry } from './telemetry.ts'

type RuntimeModule = { createRuntime(options: RuntimeOptions): FunctionRuntime }

/** The ticker takes a worker that is silent for 10 s for stuck. */
const heartbeatMs = 1_000

/** Ours: engines compiled before anybody asks; all JavaScript functions share one, a component may take 10 MB. */
const enginesAtStart = 16

dieWithParent(Number(process.argv[2]))
process.once('disconnect', () => process.exit(1))
// Ctrl-C goes to the whole terminal: the controller decides when its workers go.
process.on('SIGINT', () => {})

const tell = (message: FromWorker, sent: () => void = () => {}): void => {
  if (process.connected) process.send?.(message, sent)
  else sent()
}
const notify = (level: Notice['level'], message: string, fields: Notice['fields'] = {}): void =>
  tell({ type: 'notice', notice: { level, message, fields } })

await run(await nextInit())

async function nextInit(): Promise<WorkerInit> {
  const [message]: ToWorker[] = await once(process, 'message')
  if (message?.type !== 'init') throw new ThawError('Service', `Worker: ${message?.type} came before init`)
  return message.init
}

async function run(init: WorkerInit): Promise<void> {
  // Changes may follow at once: they are kept until the table is there to take them.
  const early: ToWorker[] = []
  const keep = (message: ToWorker): void => void early.push(message)
  process.on('message', keep)

  const { config, incarnation } = init
  const page = SharedPage.open(init.pagePath)
  const runtime = await startRuntime(init, page)
  const table = new SpecTable()
  const keyRing = createKeyRing()
  for (const change of init.changes) {
    table.apply(change)
    if ('putKey' in change) keyRing.apply(change)
  }
  const telemetry = new Telemetry({
    send: (batch) =>
      new Promise((resolve) => {
        tell({ type: 'batch', batch }, resolve)
      }),
  })
  const server = createWorkerServer({
    table,
    run: createRunner({ runtime, slots: page.slots, incarnation, telemetry }),
    access: await createWorkerAccess(keyRing, config),
    config,
    controllerSocketPath: init.controllerSocketPath,
    onDefect: (error, requestId) => notify('error', 'an invocation failed', { requestId, error: describe(error) }),
  })
  const stop = async (code: number): Promise<void> => {
    await telemetry.flushAll()
    process.exit(code)
  }
  guardProcess({
    notify,
    async onCorrupt() {
      server.fail(new ThawError('Service', 'The worker ended by an internal error.'))
      await server.drain(1_000)
      await stop(1)
    },
  })

  const warm = async (spec: FunctionSpec): Promise<void> => {
    try {
      await runtime.warm(spec)
    } catch (error) {
      // Whoever invokes it is told; here it only says that the first invocation will not find it warm.
      notify('warn', 'a function could not be warmed', { name: spec.functionName, error: describe(error) })
    }
  }
  const holdings = createHoldings({ table, runtime, report: (held) => tell({ type: 'held', held }) })
  const apply = (change: WorkerChange): void => {
    if ('putKey' in change || 'removeKey' in change) return keyRing.apply(change)
    for (const replaced of table.apply(change)) runtime.forget(replaced)
    if ('put' in change) void warm(change.put)
    holdings.changed()
  }
  let draining = false
  const drain = async (): Promise<void> => {
    if (draining) return
    draining = true
    const until = performance.now() + config.limits.drainMs
    const drained = server.drain(config.limits.drainMs)
    tell({ type: 'draining' })
    await drained
    // A component may go on after its response.
    while (runtime.stats().live > 0 && performance.now() < until) await setTimeout(20)
    await stop(0)
  }
  const listen = async (message: ToWorker & { type: 'listen' }): Promise<void> => {
    tell({ type: 'listening', port: await server.listen(message.at) })
  }
  const receive = (message: ToWorker): void => {
    if (message.type === 'change') {
      for (const change of message.changes) apply(change)
      tell({ type: 'ack', id: message.id })
    } else if (message.type === 'listen') {
      listen(message).catch((error: unknown) => {
        notify('error', 'cannot listen', { error: describe(error) })
        void stop(1)
      })
    } else if (message.type === 'drain') void drain()
  }
  process.off('message', keep)
  process.on('message', receive)
  for (const message of early) receive(message)
  process.once('SIGTERM', () => void drain())

  const record = page.worker(init.index)
  record.heartbeat()
  setInterval(() => record.heartbeat(), heartbeatMs)
  tell({ type: 'ready' })
  // What was deployed before this worker began, in turns of the event loop: callers come first.
  const engines = new Set<string>()
  for (const change of init.changes) {
    if (!('put' in change)) continue
    if (engines.size < enginesAtStart) engines.add(change.put.engine)
    if (!engines.has(change.put.engine)) continue
    await warm(change.put)
    await setImmediate()
  }
}

async function startRuntime(init: WorkerInit, page: SharedPage): Promise<FunctionRuntime> {
  const module: RuntimeModule = init.runtimeModule === undefined ? { createRuntime } : await import(init.runtimeModule)
  return module.createRuntime({
    privateNetworks: permittedNetworks(init.config),
    artifactsDir: init.artifactsDir,
    page,
    workerIndex: init.index,
    config: init.config,
    onImpure: (difference) => notify('error', 'a reset was incomplete; the instance was dropped', { difference }),
  })
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
