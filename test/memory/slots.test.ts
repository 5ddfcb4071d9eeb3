import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { pageBytes } from '../../src/memory/page-layout.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'
import { ConcurrencySlots } from '../../src/memory/slots.ts'
import { exit, message, start } from './children/run.ts'

const dir = mkdtempSync(join(tmpdir(), 'thaw-slots-'))
afterAll(() => rmSync(dir, { recursive: true }))

const shape = { pools: 3, stride: 64 }

/** Slots of one process; other processes would see the same words. */
function slotsOf(limit: number): ConcurrencySlots {
  const slots = new ConcurrencySlots(new Int32Array(new SharedArrayBuffer(pageBytes(shape))), shape)
  slots.setLimit(0, limit)
  return slots
}

describe('ConcurrencySlots', () => {
  it('frees nothing that the releaser does not hold', () => {
    const slots = slotsOf(4)
    const slot = slots.acquire(0, 7)
    expect(() => slots.release(slot, 8)).toThrow(`slot ${slot} is held by 7, not by 8`)
    expect(slots.inUse()).toBe(1)
    slots.release(slot, 7)
    expect(() => slots.release(slot, 7)).toThrow('is held by 0')
    expect(() => slots.release(192, 7)).toThrow('slot 192 does not exist')
    expect(() => slots.release(slot, 0)).toThrow('owner 0')
  })

  it('leaves held slots alone when the limit sinks below them, and takes none of them again', () => {
    const slots = slotsOf(8)
    const taken = Array.from({ length: 8 }, () => slots.acquire(0, 7))
    slots.setLimit(0, 3)
    expect(slots.inUse()).toBe(8)
    expect(slots.acquire(0, 7)).toBe(-1)
    for (const slot of taken) slots.release(slot, 7)
    expect(new Set([0, 1, 2].map(() => slots.acquire(0, 7)))).toEqual(new Set([0, 1, 2]))
    expect(slots.acquire(0, 7)).toBe(-1)
  })

  it('keeps pools apart', () => {
    const slots = slotsOf(1)
    slots.setLimit(1, 2)
    const [first, second] = [slots.acquire(0, 7), slots.acquire(1, 7)]
    expect(slots.acquire(0, 7)).toBe(-1)
    expect(slots.acquire(2, 7)).toBe(-1)
    slots.release(first, 7)
    expect([slots.inUse(0), slots.inUse(1), slots.inUse()]).toEqual([0, 1, 1])
    slots.release(second, 7)
    expect(() => slots.acquire(3, 7)).toThrow('pool 3 does not exist')
    expect(() => slots.acquire(0.5, 7)).toThrow('pool 0.5 does not exist')
  })

  it('has room for 12,000 in a pool and refuses a limit beyond', () => {
    using page = SharedPage.anonymous({ pools: 2, stride: 12_000 })
    page.slots.setLimit(1, 12_000)
    for (let taken = 0; taken < 12_000; taken++) expect(page.slots.acquire(1, 1 + (taken % 3))).not.toBe(-1)
    expect(page.slots.acquire(1, 1)).toBe(-1)
    expect(page.slots.releaseAll(2)).toBe(4_000)
    expect(page.slots.inUse()).toBe(8_000)
    expect(() => page.slots.setLimit(1, 12_001)).toThrow('12001 is not within 0 and 12000')
  })

  // With fewer slots than processes they are always after the same ones.
  it.each([1, 2])('is exact over three processes after %i', async (limit) => {
    const rounds = 100_000
    const path = join(dir, `hammered-${limit}`)
    using page = SharedPage.create(path)
    page.slots.setLimit(3, limit)
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
    page.slots.setLimit(0, 2)
    page.slots.setLimit(1, 10)
    const child = start('hold', [path, '55', '4'])
    expect(await message(child)).toBe('holding')
    const own = page.slots.acquire(1, 1)
    child.kill('SIGKILL')
    expect(await exit(child)).toMatchObject({ signal: 'SIGKILL' })
    expect(page.slots.inUse()).toBe(5)
    expect(page.slots.releaseAll(55)).toBe(4)
    page.slots.release(own, 1)
    expect(page.slots.inUse()).toBe(0)
  })
})
