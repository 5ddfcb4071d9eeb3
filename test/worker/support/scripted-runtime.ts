/** A runtime whose guests do what the event says: for tests of the processes around it, that need no WebAssembly. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { ThawError } from '../../../src/errors.ts'
import type { FunctionRuntime, RuntimeOptions } from '../../../src/instance/runtime.ts'
import type { Invocation, InvocationReport, Outcome } from '../../../src/invocation.ts'

type Script =
  /** Answer with the event. */
  | { do?: 'echo'; value?: unknown }
  /** Answer with what the worker made of the request. */
  | { do: 'describe' }
  /** Answer once this URL has answered; or be aborted. */
  | { do: 'hold'; url: string }
  | { do: 'fail' }
  /** Answer with this value. */
  | { do: 'return'; value: unknown }
  | { do: 'log'; text: string }
  /** Never give the thread back, as a guest that the shared page knows of. */
  | { do: 'block' }
  /** Once this URL has answered, never give the thread back, unknown to the shared page. */
  | { do: 'spin'; url: string }
  | { do: 'defect' | 'reject-unhandled' | 'throw-uncaught' }
  /** Answer with the code of the error that each forbidden thing gave. */
  | { do: 'escape'; folder: string }

export function createRuntime({ page, workerIndex }: RuntimeOptions): FunctionRuntime {
  const record = page.worker(workerIndex)
  const starts: InvocationReport['start'][] = ['cold', 'restore', 'warm']
  const seen = new Map<number, number>()
  return {
    async invoke(invocation, provisioned) {
      const script = scriptOf(JSON.parse(Buffer.from(invocation.payload).toString()))
      const { deployment } = invocation.spec
      const count = seen.get(deployment) ?? 0
      seen.set(deployment, count + 1)
      const start = starts[Math.min(count, 2)] ?? 'warm'
      const report: InvocationReport = {
        start,
        initMs: start === 'cold' ? 12.3 : undefined,
        restoreMs: start === 'restore' ? 0.5 : undefined,
        durationMs: 1.25,
        cpuMs: 1,
        maxMemoryBytes: 1_048_577,
      }
      let log = ''
      let outcome: Outcome | undefined
      switch (script.do) {
        case 'describe':
          outcome = success({
            ...invocation,
            payload: undefined,
            signal: undefined,
            pid: process.pid,
            env: process.env,
            provisioned,
          })
          break
        case 'hold':
          outcome = await hold(script.url, invocation)
          break
        case 'return':
          outcome = success(script.value)
          break
        case 'fail':
          outcome = {
            kind: 'failure',
            failure: { errorType: 'Error', errorMessage: 'broken', trace: ['Error: broken'] },
          }
          break
        case 'log':
          log = script.text
          break
        case 'block':
          record.setRunning(deployment, page.now())
          for (;;);
        case 'spin':
          await hold(script.url, invocation)
          for (;;);
        case 'defect':
          throw new ThawError('Artifact', 'The snapshot is damaged: deploy the function again.')
        case 'reject-unhandled':
          void Promise.reject(new Error('nobody awaits this'))
          break
        case 'throw-uncaught':
          setImmediate(() => {
            throw new Error('nobody catches this')
          })
          await new Promise(() => {})
          break
        case 'escape':
          outcome = success(escape(script.folder))
          break
        default:
          break
      }
      return { outcome: outcome ?? { kind: 'success', payload: invocation.payload }, report, log, logDroppedBytes: 0 }
    },
    warm: async () => {},
    hold: async (_spec, instances) => instances,
    forget: () => {},
    stats: () => ({ live: 0, idle: 0, idleBytes: 0, engines: 0, snapshots: 0, way: 'copy' }),
    [Symbol.dispose]: () => {},
  }
}

/** Of a function URL's event, the body is the script, if it is one. */
function scriptOf(event: Script & { requestContext?: unknown; body?: string }): Script {
  if (event.requestContext === undefined || event.body?.startsWith('{"do"') !== true) return event
  return JSON.parse(event.body)
}

function success(value: unknown): Outcome {
  return { kind: 'success', payload: Buffer.from(JSON.stringify(value)) }
}

async function hold(url: string, { signal }: Invocation): Promise<Outcome> {
  const answer = new Promise<string>((resolve, reject) => {
    get(url, (response) => resolve(text(response))).on('error', reject)
  })
  const aborted = new Promise<string>((resolve) => {
    signal?.addEventListener('abort', () => resolve('aborted'))
  })
  const result = await Promise.race([answer, aborted])
  if (result === 'aborted') get(`${url}?aborted`)
  return success(result)
}

function escape(folder: string): Record<string, unknown> {
  const attempts: Record<string, () => unknown> = {
    write: () => writeFileSync(`${folder}/written`, 'x'),
    readOutside: () => readFileSync('/etc/passwd'),
    readData: () => readFileSync(`${folder}/secret`),
    spawn: () => spawnSync('true'),
    thread: () => new Worker('0', { eval: true }),
  }
  return Object.fromEntries(Object.entries(attempts).map(([name, attempt]) => [name, codeOf(attempt)]))
}

function codeOf(attempt: () => unknown): unknown {
  try {
    attempt()
    return 'allowed'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : String(error)
  }
}
