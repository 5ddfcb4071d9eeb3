/** The slots against a model, over random histories with crashes at any instruction boundary. */
import { equal, fail, ok } from 'node:assert/strict'
import { array, assert as assertProperty, integer, property, type Arbitrary } from 'fast-check'
import { expect, test } from 'vitest'
import { pageBytes } from '../../src/memory/page-layout.ts'
import { ConcurrencySlots } from '../../src/memory/slots.ts'

const histories = 100_000
const shape = { pools: 3, stride: 6 }
const workers = 3

/** One number a step, taken apart: generating records would take most of the time. */
const steps: Arbitrary<number[]> = array(integer({ min: 0, max: 0x3fff_ffff }), { maxLength: 24 })

class Model {
  /** By slot, who holds it; a worker knows of those in `known` only. */
  readonly held = new Map<number, number>()
  readonly known = new Map<number, Set<number>>()
  readonly limits = [0, 0, 0]
  /** Held at or above the limit when it was lowered, and since: only these may be, besides as many as the limit. */
  readonly beyond = new Set<number>()

  heldIn(pool: number): number {
    let count = 0
    for (const slot of this.held.keys()) if (Math.floor(slot / shape.stride) === pool) count++
    return count
  }
}

/** A run of one history. Every step is checked. */
function run(history: readonly number[], make = (words: Int32Array) => new ConcurrencySlots(words, shape)): void {
  const words = new Int32Array(new SharedArrayBuffer(pageBytes(shape)))
  const controller = make(words)
  const model = new Model()
  const views = Array.from({ length: workers }, () => make(words))
  const owners = Array.from({ length: workers }, (_, index) => 101 + index)
  let nextOwner = 101 + workers
  for (const step of history) {
    const worker = step % workers
    const pool = (step >>> 2) % shape.pools
    const pick = (step >>> 12) & 0xff
    const view = views[worker] ?? fail()
    const owner = owners[worker] ?? fail()
    const known = model.known.get(owner) ?? new Set<number>()
    model.known.set(owner, known)
    switch (((step >>> 4) & 0xff) % 12) {
      case 0: // The controller changes the limit at any time.
        model.limits[pool] = pick % (shape.stride + 1)
        controller.setLimit(pool, model.limits[pool])
        for (const slot of model.held.keys()) {
          if (Math.floor(slot / shape.stride) !== pool) continue
          if (slot % shape.stride >= (model.limits[pool] ?? fail())) model.beyond.add(slot)
          else model.beyond.delete(slot)
        }
        break
      case 1: // It dies, at any moment outside of an exchange: also right after one, before it has noted its slot.
        if (pick % 2 === 0) take(view, pool, owner, model)
        die(worker)
        break
      case 2: // It dies right after it gave a slot back, before it has forgotten it.
        for (const slot of [...known].slice(0, 1)) {
          view.release(slot, owner)
          model.held.delete(slot)
        }
        die(worker)
        break
      case 3:
      case 4:
      case 5:
        for (const slot of [...known].slice(pick % (known.size || 1)).slice(0, 1)) {
          view.release(slot, owner)
          model.held.delete(slot)
          known.delete(slot)
        }
        break
      default: {
        const slot = take(view, pool, owner, model)
        if (slot !== -1) known.add(slot)
      }
    }
    for (const slot of model.beyond) if (!model.held.has(slot)) model.beyond.delete(slot)
    for (let each = 0; each < shape.pools; each++) {
      const held = model.heldIn(each)
      const limit = model.limits[each] ?? fail()
      equal(controller.inUse(each), held)
      const beyond = [...model.beyond].filter((slot) => Math.floor(slot / shape.stride) === each)
      ok(held <= limit + beyond.length)
    }
  }
  for (let worker = 0; worker < workers; worker++) die(worker)
  equal(controller.inUse(), 0)

  function take(view: ConcurrencySlots, pool: number, owner: number, { held, limits }: Model): number {
    const before = [...held.keys()].filter((slot) => Math.floor(slot / shape.stride) === pool)
    const limit = limits[pool] ?? fail()
    const free = limit - before.filter((slot) => slot % shape.stride < limit).length
    const slot = view.acquire(pool, owner)
    equal(slot === -1, free <= 0)
    if (slot === -1) return slot
    ok(!held.has(slot) && Math.floor(slot / shape.stride) === pool && slot % shape.stride < limit)
    held.set(slot, owner)
    return slot
  }

  function die(worker: number): void {
    const owner = owners[worker] ?? fail()
    const own = [...model.held].filter(([, holder]) => holder === owner).map(([slot]) => slot)
    equal(controller.releaseAll(owner), own.length)
    for (const slot of own) model.held.delete(slot)
    model.known.delete(owner)
    // The next process in its place: another incarnation, no memory of what was.
    owners[worker] = nextOwner++
    views[worker] = make(words)
  }
}

test(`in ${histories} random histories no pool gives more than its limit, nor a slot twice, nor loses one`, () => {
  let ran = 0
  assertProperty(
    property(steps, (history) => {
      ran++
      run(history)
    }),
    { numRuns: histories },
  )
  expect(ran).toBe(histories)
})

test('the model finds slots that leak, and limits that are exceeded', () => {
  const holds = (make: (words: Int32Array) => ConcurrencySlots): boolean => {
    try {
      assertProperty(
        property(steps, (history) => run(history, make)),
        { numRuns: 2_000 },
      )
      return true
    } catch {
      return false
    }
  }
  class Leaking extends ConcurrencySlots {
    override releaseAll(owner: number): number {
      return super.releaseAll(owner + 1)
    }
  }
  class Generous extends ConcurrencySlots {
    override setLimit(pool: number, limit: number): void {
      super.setLimit(pool, Math.min(shape.stride, limit + 1))
    }
  }
  expect(holds((words) => new Leaking(words, shape))).toBe(false)
  expect(holds((words) => new Generous(words, shape))).toBe(false)
})
