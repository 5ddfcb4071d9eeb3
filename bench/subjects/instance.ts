/** One instance of Thaw's own, driven by hand: what the pool does between invocations is what is timed. */
import type { Config } from '../../src/config.ts'
import type { Engine } from '../../src/instance/engine.ts'
import { GuestInstance } from '../../src/instance/guest.ts'
import { Entry } from '../../src/instance/invoke.ts'
import { LogBuffer } from '../../src/instance/log-buffer.ts'
import type { RunEnvironment } from '../../src/instance/run.ts'
import { Scheduler } from '../../src/instance/scheduler.ts'
import type { FunctionSpec } from '../../src/invocation.ts'
import type { SharedPage } from '../../src/memory/shared-page.ts'
import type { SnapshotImage } from '../../src/snapshot/image.ts'
import type { Restorer } from '../../src/snapshot/restorer.ts'

export interface BenchInstance extends Disposable {
  readonly instance: GuestInstance
  /** The guest's answer. Errors: what the function failed with. */
  call(event: Uint8Array): Promise<Uint8Array>
}

export interface InstanceOptions {
  engine: Engine
  image: SnapshotImage
  restorer: Restorer
  page: SharedPage
  config: Config
}

export function createInstance({ engine, image, restorer, page, config }: InstanceOptions): BenchInstance {
  const { limits } = config
  const instance = new GuestInstance({ engine, image, restorer, page, limits })
  const entry = new Entry(instance)
  const scheduler = new Scheduler({ sliceMs: limits.sliceMs })
  const env: RunEnvironment = { scheduler, record: page.worker(0), sliceMs: limits.sliceMs }
  const spec = specOf(engine.hash, image.hash)
  return {
    instance,
    async call(payload) {
      const log = new LogBuffer(limits.logBytes)
      const { outcome } = await entry.invoke(
        {
          requestId: '00000000-0000-0000-0000-000000000000',
          spec,
          payload,
          invokedFunctionArn: spec.functionArn,
          clientContext: undefined,
          tenantId: undefined,
          traceId: undefined,
          signal: undefined,
        },
        { env, config, log, logStream: 'bench', egress: undefined, packageFiles: undefined },
      )
      if (outcome.kind === 'success') return outcome.payload
      throw new Error(`${outcome.failure.errorType}: ${outcome.failure.errorMessage}`)
    },
    [Symbol.dispose]: () => instance[Symbol.dispose](),
  }
}

/** A restorer under which a reset leaves the memory as the guest left it: for what an invocation costs without one. */
export function keepingMemory(restorer: Restorer): Restorer {
  return {
    way: restorer.way,
    map(memory, image, region) {
      const mapped = restorer.map(memory, image, region)
      return {
        reset: () => 0,
        reimage: (...to) => mapped.reimage(...to),
        prefault: () => {},
        trim: () => mapped.trim(),
        residentBytes: () => mapped.residentBytes(),
        equalsImage: () => mapped.equalsImage(),
        [Symbol.dispose]: () => mapped[Symbol.dispose](),
      }
    },
    [Symbol.dispose]: () => restorer[Symbol.dispose](),
  }
}

export function specOf(engine: string, snapshot: string): FunctionSpec {
  return {
    deployment: 1,
    accountId: '000000000000',
    functionName: 'echo',
    version: '$LATEST',
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:echo',
    runtime: 'provided.component',
    memoryMb: 128,
    timeoutMs: 10_000,
    ephemeralStorageMb: 512,
    environment: {},
    egress: [],
    engine,
    snapshot,
    initDurationMs: 0,
    logGroup: '/aws/lambda/echo',
  }
}
