import { equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, assert as assertProperty, constant, integer, nat, oneof, property, record } from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { SharedPage } from '../../src/memory/shared-page.ts'
import { ConcurrencySlots } from '../../src/memory/slots.ts'
import { exit, message, start } from './children/run.ts'

const dir = mkdtempSync(join(tmpdir(), 'thaw-slots-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** The slots as three processes see them. */
function processes(limit: number): ConcurrencySlots[] {
  const slots = new Int32Array(new SharedArrayBuffer(4 * 64))
  const limitWord = new Int32Array(new SharedArrayBuffer(4))
  const views = [1, 2, 3].map(() => new ConcurrencySlots(slots, limitWord))
  views[0]?.setLimit(limit)
  return views
}

const step = record({
  process: integer({ min: 0, max: 2 }),
  action: oneof(
    { weight: 6, arbitrary: constant('acquire' as const) },
    { weight: 4, arbitrary: constant('release' as const) },
    { weight: 1, arbitrary: constant('crash' as const) },
  ),
  pick: nat(),
})

describe('ConcurrencySlots', () => {
  it('in any history, crashes included, never gives more than the limit, nor a slot twice, nor loses one', () => {
    const anyHistory = () =>
      assertProperty(
        property(integer({ min: 0, max: 12 }), array(step, { maxLength: 200 }), (limit, steps) => {
          const views = processes(limit)
          const owners = [101, 102, 103]
          let nextOwner = 104
          const held = new Map<number, number>()
          for (const { process, action, pick } of steps) {
            const view = views[process]
            const owner = owners[process]
            if (view === undefined || owner === undefined) throw new Error('unreachable')
            const own = [...held].filter(([, holder]) => holder === owner).map(([slot]) => slot)
            if (action === 'acquire') {
              const slot = view.acquire(owner)
              equal(slot === -1, held.size === limit)
              if (slot !== -1) {
                ok(!held.has(slot))
                held.set(slot, owner)
              }
            } else if (action === 'release' && own.length > 0) {
              const slot = own[pick % own.length] ?? -1
              view.release(slot, owner)
              held.delete(slot)
            } else if (action === 'crash') {
              // The controller cleans up; a new incarnation takes the place.
              equal(views[0]?.releaseAll(owner), own.length)
              for (const slot of own) held.delete(slot)
              owners[process] = nextOwner++
            }
            equal(view.inUse(), held.size)
            ok(held.size <= limit)
          }
        }),
        { numRuns: 300 },
      )
    expect(anyHistory).not.toThrow()
  })

  it('frees nothing that the releaser does not hold', () => {
    const [slots] = processes(4)
    const slot = slots?.acquire(7) ?? -1
    expect(() => slots?.release(slot, 8)).toThrow(`slot ${slot} is held by 7, not by 8`)
    expect(slots?.inUse()).toBe(1)
    slots?.release(slot, 7)
    expect(() => slots?.release(slot, 7)).toThrow('is held by 0')
    expect(() => slots?.release(64, 7)).toThrow('slot 64 does not exist')
    expect(() => slots?.release(slot, 0)).toThrow('owner 0')
  })

  it('leaves held slots alone when the limit sinks below them, and takes none of them again', () => {
    const [slots] = processes(8)
    const taken = Array.from({ length: 8 }, () => slots?.acquire(7) ?? -1)
    slots?.setLimit(3)
    expect(slots?.inUse()).toBe(8)
    expect(slots?.acquire(7)).toBe(-1)
    for (const slot of taken) slots?.release(slot, 7)
    expect(new Set([0, 1, 2].map(() => slots?.acquire(7)))).toEqual(new Set([0, 1, 2]))
    expect(slots?.acquire(7)).toBe(-1)
  })

  it('has room for 12,000 and refuses a limit beyond', () => {
    using page = SharedPage.anonymous()
    page.slots.setLimit(12_000)
    for (let taken = 0; taken < 12_000; taken++) expect(page.slots.acquire(1 + (taken % 3))).not.toBe(-1)
    expect(page.slots.acquire(1)).toBe(-1)
    expect(page.slots.releaseAll(2)).toBe(4_000)
    expect(page.slots.inUse()).toBe(8_000)
    expect(() => page.slots.setLimit(12_001)).toThrow('12001 is not within 0 and 12000')
  })

  // With fewer slots than processes they are always after the same ones.
  it.each([1, 2])('is exact over three processes after %i', async (limit) => {
    const rounds = 100_000
    const path = join(dir, `hammered-${limit}`)
    using page = SharedPage.create(path)
    page.slots.setLimit(limit)
    const children = [1, 2, 3].map((owner) => start('hammer', [path, String(owner), String(rounds)]))
    await Promise.all(children.map(message))
    const reports = children.map(message)
    for (const child of children) child.send('go')
    const clean = { clashes: 0, beyondLimit: 0 }
    expect(await Promise.all(reports)).toEqual([clean, clean, clean])
    expect(new Int32Array(page.memory.buffer)[20_000]).toBe(3 * rounds)
    expect(page.slots.inUse()).toBe(0)
    await Promise.all(children.map(exit))
  })

  it('gets the slots of a killed process back, and only those', async () => {
    const path = join(dir, 'killed')
    using page = SharedPage.create(path)
    page.slots.setLimit(10)
    const child = start('hold', [path, '55', '4'])
    expect(await message(child)).toBe('holding')
    const own = page.slots.acquire(1)
    child.kill('SIGKILL')
    expect(await exit(child)).toMatchObject({ signal: 'SIGKILL' })
    expect(page.slots.inUse()).toBe(5)
    expect(page.slots.releaseAll(55)).toBe(4)
    page.slots.release(own, 1)
    expect(page.slots.inUse()).toBe(0)
  })
})
