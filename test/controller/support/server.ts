/** A controller over real workers with scripted guests: the functions are put into its store, not built. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { configFromEnvironment, type Config } from '../../../src/config.ts'
import { startController, type Controller } from '../../../src/controller/start.ts'
import { createSqliteStore } from '../../../src/store/sqlite.ts'
import { invokePath, scriptedRuntime, send, type Answer } from '../../worker/support/harness.ts'
import { testCacheDir } from '../../support/cache-dir.ts'

export const silent = pino({ level: 'silent' })

/** Of this test file: to be removed when it is through. */
export const testFolder = join(tmpdir(), `thaw-controller-${process.pid}`)

/** A folder with these functions, as an earlier server would have left it. */
export async function preparedFolder(functionNames: string[], failed: string[] = []): Promise<string> {
  mkdirSync(testFolder, { recursive: true })
  const folder = mkdtempSync(join(testFolder, 'data-'))
  mkdirSync(join(folder, 'artifacts'))
  await using store = createSqliteStore({ path: join(folder, 'thaw.db') })
  for (const functionName of [...functionNames, ...failed]) {
    const configuration = {
      runtime: 'nodejs24.x',
      handler: 'index.handler',
      role: 'arn:aws:iam::000000000000:role/any',
      description: '',
      timeoutSeconds: 3,
      memoryMb: 128,
      architecture: 'x86_64',
      ephemeralStorageMb: 512,
      tracingMode: 'PassThrough',
      snapStartApplyOn: 'None',
      logGroup: `/aws/lambda/${functionName}`,
    } as const
    const record = await store.createFunction({
      accountId: '000000000000',
      functionName,
      version: '$LATEST',
      revisionId: randomUUID(),
      lastModified: new Date(),
      configuration,
      code: { sha256: '0'.repeat(64), sizeBytes: 1 },
      state: failed.includes(functionName) ? { name: 'Failed', reasonCode: 'X', reason: 'x' } : { name: 'Active' },
      lastUpdate: { status: 'Successful' },
      live: undefined,
      tags: {},
    })
    if (failed.includes(functionName)) continue
    await store.updateFunction(record, record.revisionId, {
      revisionId: randomUUID(),
      deployment: 'keep',
      live: {
        ...configuration,
        deployment: record.deployment,
        codeSha256: record.code.sha256,
        environment: {},
        engine: 'none',
        snapshot: 'none',
        snapshotMemoryBytes: 0,
        initMs: 1,
      },
    })
  }
  return folder
}

export function configOf(dataDir: string, overrides: Record<string, unknown> = {}): Config {
  return configFromEnvironment({}, { port: 0, dataDir, cacheDir: testCacheDir, workers: 2, ...overrides })
}

export interface TestServer extends AsyncDisposable {
  controller: Controller
  folder: string
  config: Config
  invoke(name: string, script: unknown): Promise<Answer>
  /** Asks until this is so. */
  until(done: () => boolean | Promise<boolean>): Promise<void>
}

export async function startServer(options: {
  functions?: string[]
  failed?: string[]
  config?: Record<string, unknown>
}): Promise<TestServer> {
  const folder = await preparedFolder(options.functions ?? ['hello'], options.failed)
  const config = configOf(folder, options.config)
  const controller = await startController(config, { logger: silent, runtimeModule: scriptedRuntime })
  return {
    controller,
    folder,
    config,
    invoke: (name, script) =>
      send({ port: controller.port, method: 'POST', path: invokePath(name), body: JSON.stringify(script) }),
    until: eventually,
    async [Symbol.asyncDispose]() {
      await controller.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Some things can only be asked for: that a process is gone, that a file has grown. The test's time-out bounds it. */
export async function eventually(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
  }
}

/** A zombie is dead: its parent, or init, has not looked yet. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || statusOf(pid)[0] !== 'Z'
  } catch {
    return false
  }
}

/** State and user time (clock ticks) of a process: proc_pid_stat(5), fields 3 and 14. Linux only. */
export function statusOf(pid: number): [state: string | undefined, userTicks: number] {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return [fields[0], Number(fields[11])]
}
