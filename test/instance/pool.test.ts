import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Limits } from '../../src/config.ts'
import { loadEngine, type Engine } from '../../src/instance/engine.ts'
import { InstancePool, type Acquired } from '../../src/instance/pool.ts'
import { SnapshotImage } from '../../src/snapshot/image.ts'
import { createRestorer } from '../../src/snapshot/restorer.ts'
import { watGuest } from '../support/guests.ts'
import { testRuntime, type TestRuntime } from '../support/runtime.ts'

/** Three functions of one engine, and one of another. */
let artifacts: TestRuntime
let engine: Engine
let otherEngine: Engine
const hashes: string[] = []

beforeAll(async () => {
  artifacts = await testRuntime()
  for (const letter of ['a', 'b', 'c']) {
    const spec = await artifacts.deploy(await watGuest('canary', { canary: letter.repeat(64), variant: '0', own: '3' }))
    hashes.push(spec.snapshot)
    engine = await loadEngine(artifacts.artifactsDir, spec.engine)
  }
  const echo = await artifacts.deploy(await watGuest('echo'))
  otherEngine = await loadEngine(artifacts.artifactsDir, echo.engine)
  hashes.push(echo.snapshot)
  await artifacts[Symbol.asyncDispose]()
})

let images: SnapshotImage[]
let retired: Set<SnapshotImage>
let impurities: string[]
let pool: InstancePool

function open(limits: Partial<Limits> = {}): void {
  const { page, config } = artifacts
  pool = new InstancePool({
    restorer: createRestorer('auto'),
    page,
    limits: { ...config.limits, ...limits },
    verifyResets: true,
    onImpure: (difference) => impurities.push(difference),
    isRetired: (image) => retired.has(image),
  })
}

beforeEach(() => {
  images = hashes.map((hash) => SnapshotImage.open(artifacts.artifactsDir, hash))
  retired = new Set()
  impurities = []
  open()
})
afterEach(() => {
  pool[Symbol.dispose]()
  for (const image of images) image[Symbol.dispose]()
})

function image(index: number): SnapshotImage {
  const found = images[index]
  if (found === undefined) throw new Error(`no image ${index}`)
  return found
}

const acquire = (index: number): Acquired => pool.acquire(index === 3 ? otherEngine : engine, image(index))
/** What the pool puts off to after the caller's turn: resets, spares. */
const settled = async (): Promise<void> => {
  await new Promise(setImmediate)
  await new Promise(setImmediate)
}
/** Memory of the instance, which a guest would have written to. */
function stain({ slot }: Acquired): void {
  const memory = slot.instance.linked.memories[0]?.memory
  if (memory !== undefined) new Uint8Array(memory.buffer).fill(1, 5_000, 6_000)
}

describe('what an invocation is given', () => {
  test('first a new instance, then the same one, reset', async () => {
    const first = acquire(0)
    expect(first.start).toBe('cold')
    expect(pool.live).toBe(1)
    stain(first)
    pool.release(first.slot, true)
    await settled()
    expect([pool.live, pool.idle]).toEqual([0, 1])
    const second = acquire(0)
    expect(second.start).toBe('warm')
    expect(second.slot).toBe(first.slot)
    expect(second.slot.instance.difference()).toBeUndefined()
  })

  test('one that is not reset yet is reset there and then', () => {
    const first = acquire(0)
    stain(first)
    pool.release(first.slot, true)
    expect(pool.idle).toBe(1)
    const second = acquire(0)
    expect(second.start).toBe('warm')
    expect(second.slot.instance.difference()).toBeUndefined()
    expect([pool.live, pool.idle]).toEqual([1, 0])
  })

  test('the one given back last: its pages are hot', async () => {
    const [first, second] = [acquire(0), acquire(0)]
    pool.release(first.slot, true)
    pool.release(second.slot, true)
    await settled()
    expect(acquire(0).slot).toBe(second.slot)
    expect(acquire(0).slot).toBe(first.slot)
  })

  test('another function’s: the spare of the engine, re-imaged', async () => {
    const first = acquire(0)
    await settled()
    const second = acquire(1)
    expect(second.start).toBe('restore')
    expect(second.slot).not.toBe(first.slot)
    expect(second.slot.instance.image).toBe(image(1))
    expect(second.slot.instance.difference()).toBeUndefined()
    await settled()
    expect(acquire(2).start).toBe('restore')
  })

  test('never one of another engine', async () => {
    acquire(0)
    await settled()
    expect(acquire(3).start).toBe('cold')
  })

  test('an idle one of a function that rests, when there is no spare', async () => {
    open({ idleInstances: 2 })
    const first = acquire(0)
    const second = acquire(0)
    pool.release(first.slot, true)
    pool.release(second.slot, true)
    // Idle and full, but the spare has not been made yet.
    expect(acquire(1).start).toBe('cold')
  })

  test('and when the house is full, the longest idle one', async () => {
    open({ idleInstances: 2 })
    const first = acquire(0)
    const second = acquire(0)
    await settled()
    pool.release(first.slot, true)
    await settled()
    pool.release(second.slot, true)
    await settled()
    const spare = acquire(1)
    expect(spare.start).toBe('restore')
    const taken = acquire(2)
    expect(taken.start).toBe('restore')
    expect(taken.slot).toBe(first.slot)
    expect(pool.idle).toBe(1)
  })
})

describe('what is given back', () => {
  test('by a guest that did not return is dropped', async () => {
    const first = acquire(0)
    pool.release(first.slot, false)
    expect(first.slot.instance.state).toBe('disposed')
    await settled()
    expect([pool.live, pool.idle]).toEqual([0, 0])
    // The spare takes its place.
    expect(acquire(0).start).toBe('restore')
  })

  test('with a memory that has grown is dropped', async () => {
    const first = acquire(0)
    first.slot.instance.linked.memories[0]?.memory.grow(1)
    pool.release(first.slot, true)
    expect(first.slot.instance.state).toBe('disposed')
  })

  test('past the count that may idle: the longest idle one goes', async () => {
    open({ idleInstances: 2 })
    const three = [acquire(0), acquire(1), acquire(2)]
    for (const { slot } of three) {
      pool.release(slot, true)
      await settled()
    }
    expect(pool.idle).toBe(2)
    expect(three.map(({ slot }) => slot.instance.state)).toEqual(['disposed', 'pristine', 'pristine'])
  })

  test('with a reset that is not complete is dropped, and reported', async () => {
    const first = acquire(0)
    // A change that no guest can make, and no reset looks for.
    const { instance } = first.slot
    const complete = instance.reset.bind(instance)
    instance.reset = () => {
      const pages = complete()
      stain(first)
      return pages
    }
    pool.release(first.slot, true)
    await settled()
    expect(impurities).toEqual(['memory 0'])
    expect(instance.state).toBe('disposed')
    expect(pool.idle).toBe(0)
  })

  test('with a reset that fails is dropped, and the process lives', async () => {
    const first = acquire(0)
    const { instance } = first.slot
    instance.reset = () => {
      throw new Error('no such page')
    }
    pool.release(first.slot, true)
    await settled()
    expect(impurities).toEqual(['reset failed: no such page'])
    expect(instance.state).toBe('disposed')
  })
})

describe('a function that is forgotten', () => {
  test('has nothing left: idle, to be reset, spare', async () => {
    const [idle, used] = [acquire(0), acquire(0)]
    await settled()
    pool.release(idle.slot, true)
    await settled()
    pool.release(used.slot, true)
    retired.add(image(0))
    pool.forget(image(0).hash)
    expect(pool.idle).toBe(0)
    expect([idle, used].map(({ slot }) => slot.instance.state)).toEqual(['disposed', 'disposed'])
    await settled()
    expect(acquire(1).start).toBe('cold')
  })

  test('while it runs is dropped when it comes back, and makes no spare', async () => {
    const running = acquire(0)
    retired.add(image(0))
    pool.forget(image(0).hash)
    pool.release(running.slot, true)
    expect(running.slot.instance.state).toBe('disposed')
    await settled()
    expect(acquire(1).start).toBe('cold')
  })

  test('and deployed again at once is not served from the image that was closed', async () => {
    const running = acquire(0)
    retired.add(image(0))
    pool.forget(image(0).hash)
    pool.release(running.slot, false)
    image(0)[Symbol.dispose]()
    // The same snapshot, opened anew; the spare that was due must not be made from the old one.
    images[0] = SnapshotImage.open(artifacts.artifactsDir, image(0).hash)
    await settled()
    const again = acquire(0)
    expect(again.slot.instance.image).toBe(image(0))
    expect(again.slot.instance.difference()).toBeUndefined()
  })
})

test('a spare that cannot be made is not missed', async () => {
  const first = acquire(0)
  // Closed before its time: what a spare would be made from is gone.
  image(0)[Symbol.dispose]()
  await settled()
  expect(first.slot.instance.state).toBe('pristine')
})

test('idle instances give their pages back, and count as nothing held', async () => {
  const first = acquire(0)
  stain(first)
  pool.release(first.slot, true)
  await settled()
  expect(pool.idleBytes()).toBeGreaterThan(0)
  first.slot.instance.trim()
  expect(pool.idleBytes()).toBe(0)
  const again = acquire(0)
  expect(again.start).toBe('warm')
  expect(again.slot.instance.difference()).toBeUndefined()
})

test('disposed of, it holds nothing, and takes nothing back', async () => {
  const [idle, running] = [acquire(0), acquire(0)]
  pool.release(idle.slot, true)
  await settled()
  pool[Symbol.dispose]()
  pool[Symbol.dispose]()
  expect(idle.slot.instance.state).toBe('disposed')
  pool.release(running.slot, true)
  expect(running.slot.instance.state).toBe('disposed')
})
