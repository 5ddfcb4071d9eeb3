/** Every byte that a guest could observe is as in a fresh instance: memory, globals, tables, flags, handles. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEngine, type Engine } from '../../src/instance/engine.ts'
import { GuestInstance } from '../../src/instance/guest.ts'
import { Entry } from '../../src/instance/invoke.ts'
import { LogBuffer } from '../../src/instance/log-buffer.ts'
import { Scheduler } from '../../src/instance/scheduler.ts'
import type { FunctionSpec } from '../../src/invocation.ts'
import { SnapshotImage } from '../../src/snapshot/image.ts'
import { createRestorer, type RestoreWay } from '../../src/snapshot/restorer.ts'
import { invocationOf, testRuntime, type TestRuntime } from '../support/runtime.ts'
import { hoarders, type Hoarder } from './support.ts'

let runtime: TestRuntime
beforeAll(async () => {
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

interface Deployed {
  guest: Hoarder
  spec: FunctionSpec
  engine: Engine
  image: SnapshotImage
}

async function deploy(guest: Hoarder): Promise<Deployed> {
  const spec = await runtime.deploy(guest.code)
  const engine = await loadEngine(runtime.artifactsDir, spec.engine)
  return { guest, spec, engine, image: SnapshotImage.open(runtime.artifactsDir, spec.snapshot) }
}

function instantiate({ engine, image }: Deployed, way: RestoreWay): GuestInstance {
  const { page, config } = runtime
  return new GuestInstance({ engine, image, restorer: createRestorer(way), page, limits: config.limits })
}

async function stain(instance: GuestInstance, { guest, spec }: Deployed): Promise<void> {
  const { config, page } = runtime
  const env = { scheduler: new Scheduler({ sliceMs: 5 }), record: page.worker(0), sliceMs: 5 }
  const invocation = invocationOf(spec, guest.event('return', 'stain-of-the-invocation'))
  const log = new LogBuffer(1_000)
  const context = { env, config, log, logStream: 'stream', egress: undefined, packageFiles: undefined }
  const { clean } = await new Entry(instance).invoke(invocation, context)
  expect(clean).toBe(true)
}

describe.each(['scan', 'pagemap', 'copy'] as const)('restored by %s', (way) => {
  test.each(Object.entries(hoarders))('%s: reset, and re-imaged to and fro', async (_kind, make) => {
    const one = await deploy(await make(0))
    const other = await deploy(await make(1))
    using image = one.image
    using otherImage = other.image
    expect(other.spec.engine).toBe(one.spec.engine)
    using fresh = instantiate(one, way)
    using otherFresh = instantiate(other, way)
    const [digest, otherDigest] = [fresh.digest(), otherFresh.digest()]
    expect(otherDigest).not.toBe(digest)

    using instance = instantiate(one, way)
    for (let round = 0; round < 2; round++) {
      await stain(instance, one)
      expect(instance.difference()).toBeDefined()
      expect(instance.digest()).not.toBe(digest)
      instance.reset()
      expect(instance.difference()).toBeUndefined()
      expect(instance.digest()).toBe(digest)

      await stain(instance, one)
      // From a used state, and from a reset one.
      if (round > 0) instance.reset()
      instance.reimage(otherImage)
      expect(instance.difference()).toBeUndefined()
      expect(instance.digest()).toBe(otherDigest)
      await stain(instance, other)
      instance.reset()
      expect(instance.digest()).toBe(otherDigest)
      instance.trim()
      expect(instance.digest()).toBe(otherDigest)
      instance.reimage(image)
      expect(instance.digest()).toBe(digest)
      instance.trim()
      expect(instance.digest()).toBe(digest)
    }
  })
})
