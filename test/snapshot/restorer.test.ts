import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, assert as assertProperty, constantFrom, integer, oneof, property, record } from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { SnapshotImage } from '../../src/snapshot/image.ts'
import type { RestoreWay } from '../../src/snapshot/restorer.ts'
import { createRestorer, probeRestoreWays } from '../../src/snapshot/restorer.ts'
import { PAGE, WASM_PAGE, memoryBytes, regionOf, writeAndOpen } from './sample.ts'

const dir = mkdtempSync(join(tmpdir(), 'thaw-restorer-'))
afterAll(() => rmSync(dir, { recursive: true }))

const PAGES = 4
const ways: RestoreWay[] = ['scan', 'pagemap', 'copy']

const imageA = () => writeAndOpen(dir, [memoryBytes(PAGES, { 0: 1, 1: 2, 5: 3, 30: 4 })])
const imageB = () => writeAndOpen(dir, [memoryBytes(PAGES, { 0: 1, 1: 9, 6: 3, 40: 4 })])
/** The same size at another place in its image, between two other memories. */
const imageC = () =>
  writeAndOpen(dir, [memoryBytes(1, { 3: 7 }), memoryBytes(PAGES, { 5: 3, 6: 8, 63: 1 }), memoryBytes(1, { 0: 7 })])

const newMemory = (pages = PAGES) => new WebAssembly.Memory({ initial: pages, maximum: pages + 4 })
const bytesOf = (memory: WebAssembly.Memory) => Buffer.from(memory.buffer)

function contentOf(image: SnapshotImage, order = 0): Buffer {
  const region = regionOf(image, order)
  return image.bytes.subarray(region.offset, region.offset + region.pages * WASM_PAGE)
}

describe.each(ways)('restorer, way "%s"', (way) => {
  it('maps the image over the memory, the holes included', async () => {
    using image = await imageA()
    using restorer = createRestorer(way)
    expect(restorer.way).toBe(way)
    const memory = newMemory()
    bytesOf(memory).fill(0xee)
    using mapped = restorer.map(memory, image, regionOf(image))
    expect(bytesOf(memory).equals(contentOf(image))).toBe(true)
    expect(mapped.equalsImage()).toBe(true)
  })

  it('writes back what was written, in data and beyond, and says how many pages', async () => {
    using image = await imageA()
    using restorer = createRestorer(way)
    const memory = newMemory()
    using mapped = restorer.map(memory, image, regionOf(image))
    const bytes = bytesOf(memory)
    bytes[5 * PAGE + 17] = 0xff
    bytes[50 * PAGE] = 0xff
    bytes[51 * PAGE - 1] = 0xff
    bytes[64 * PAGE - 1] = 0xff
    expect(mapped.equalsImage()).toBe(false)
    expect(mapped.reset()).toBe(3)
    expect(bytes.equals(contentOf(image))).toBe(true)
    expect(mapped.equalsImage()).toBe(true)
  })

  it('never changes the image', async () => {
    using image = await imageA()
    using restorer = createRestorer(way)
    const before = Buffer.from(image.bytes)
    const memories = [newMemory(), newMemory()]
    const mapped = memories.map((memory) => restorer.map(memory, image, regionOf(image)))
    for (const memory of memories) bytesOf(memory).fill(0xaa)
    expect(image.bytes.equals(before)).toBe(true)
    for (const one of mapped) {
      one.reset()
      one[Symbol.dispose]()
    }
  })

  it('binds to another image, at another place of it, and back', async () => {
    using first = await imageA()
    using second = await imageB()
    using third = await imageC()
    using restorer = createRestorer(way)
    const memory = newMemory()
    using mapped = restorer.map(memory, first, regionOf(first))
    for (const [image, order] of [
      [second, 0],
      [third, 1],
      [first, 0],
    ] as const) {
      bytesOf(memory).fill(0xbb, 3 * PAGE, 8 * PAGE)
      mapped.reimage(image, regionOf(image, order))
      expect(bytesOf(memory).equals(contentOf(image, order))).toBe(true)
      bytesOf(memory).fill(0xcc, 4 * PAGE, 7 * PAGE)
      mapped.reset()
      expect(mapped.equalsImage()).toBe(true)
    }
  })

  it('does not show an earlier image after a trim', async () => {
    using first = await imageA()
    using second = await imageB()
    using restorer = createRestorer(way)
    const memory = newMemory()
    using mapped = restorer.map(memory, first, regionOf(first))
    mapped.reimage(second, regionOf(second))
    mapped.trim()
    expect(bytesOf(memory).equals(contentOf(second))).toBe(true)
    bytesOf(memory).fill(0xdd)
    mapped.reset()
    expect(bytesOf(memory).equals(contentOf(second))).toBe(true)
  })

  it('outlives the image it was bound to before', async () => {
    using restorer = createRestorer(way)
    using second = await imageB()
    const memory = newMemory()
    const first = await imageA()
    using mapped = restorer.map(memory, first, regionOf(first))
    mapped.reimage(second, regionOf(second))
    first[Symbol.dispose]()
    bytesOf(memory).fill(0xdd, 0, 7 * PAGE)
    mapped.reset()
    expect(mapped.equalsImage()).toBe(true)
    mapped.trim()
    expect(mapped.equalsImage()).toBe(true)
  })

  it('equals the image after any history of writes, resets, re-images and trims', async () => {
    using first = await imageA()
    using second = await imageB()
    using third = await imageC()
    const targets = [
      [first, regionOf(first)],
      [second, regionOf(second)],
      [third, regionOf(third, 1)],
    ] as const
    using restorer = createRestorer(way)
    const memory = newMemory()
    const bytes = bytesOf(memory)
    using mapped = restorer.map(memory, first, regionOf(first))
    const write = record({
      at: integer({ min: 0, max: PAGES * WASM_PAGE - 1 }),
      length: oneof({ weight: 5, arbitrary: integer({ min: 1, max: 16 }) }, integer({ min: 1, max: 5 * PAGE })),
      byte: integer({ min: 0, max: 255 }),
    })
    const turn = record({
      writes: array(write, { maxLength: 10 }),
      action: constantFrom('reset', 'reset', 'reimage', 'trim', 'trim dirty', 'prefault'),
      target: integer({ min: 0, max: 2 }),
    })
    const history = property(array(turn, { maxLength: 12 }), (turns) => {
      for (const { writes, action, target } of turns) {
        for (const { at, length, byte } of writes) bytes.fill(byte, at, Math.min(at + length, bytes.length))
        const [image, region] = targets[target] ?? targets[0]
        if (action === 'reset') mapped.reset()
        else if (action === 'reimage') mapped.reimage(image, region)
        else if (action === 'trim dirty') mapped.trim()
        else {
          mapped.reset()
          if (action === 'prefault') mapped.prefault()
          else mapped.trim()
        }
        if (!mapped.equalsImage()) return false
        if (action === 'reimage' && bytes.compare(image.bytes, region.offset, region.offset + bytes.length) !== 0)
          return false
      }
      return true
    })
    expect(() => assertProperty(history, { numRuns: 100 })).not.toThrow()
  })

  it('finds dirty pages that are more than one answer of the kernel holds', async () => {
    using image = await writeAndOpen(dir, [memoryBytes(200, { 0: 1 })])
    using restorer = createRestorer(way)
    const memory = newMemory(200)
    using mapped = restorer.map(memory, image, regionOf(image))
    const bytes = bytesOf(memory)
    for (let page = 1; page < 200 * 16; page += 2) bytes[page * PAGE] = 1
    expect(mapped.reset()).toBe(1_600)
    expect(mapped.equalsImage()).toBe(true)
  })

  it("refuses a memory that is not of the region's size, at first and when it has grown", async () => {
    using image = await imageA()
    using restorer = createRestorer(way)
    expect(() => restorer.map(newMemory(PAGES - 1), image, regionOf(image))).toThrow('196608 bytes, its region 262144')
    const memory = newMemory()
    using mapped = restorer.map(memory, image, regionOf(image))
    memory.grow(0)
    bytesOf(memory)[3] = 9
    expect(mapped.reset()).toBe(1)
    memory.grow(1)
    expect(() => mapped.reset()).toThrow('327680 bytes, its region 262144')
    expect(() => mapped.trim()).toThrow('327680 bytes')
  })

  it('refuses an image whose region is of another size, and stays as it was', async () => {
    using image = await imageA()
    using other = await imageC()
    using restorer = createRestorer(way)
    using mapped = restorer.map(newMemory(), image, regionOf(image))
    expect(() => mapped.reimage(other, regionOf(other, 0))).toThrow('its region 65536')
    expect(() => mapped.reimage(other, { ...regionOf(other, 1), offset: 5 * WASM_PAGE })).toThrow('no memory of 262144')
    expect(mapped.equalsImage()).toBe(true)
  })

  it('refuses to reset from an image that was disposed of', async () => {
    const image = await imageA()
    using restorer = createRestorer(way)
    const memory = newMemory()
    using mapped = restorer.map(memory, image, regionOf(image))
    image[Symbol.dispose]()
    bytesOf(memory)[0] = 9
    expect(() => mapped.reset()).toThrow('used after it was disposed of')
  })

  it('cannot be used once disposed of', async () => {
    using image = await imageA()
    using restorer = createRestorer(way)
    const mapped = restorer.map(newMemory(), image, regionOf(image))
    mapped[Symbol.dispose]()
    mapped[Symbol.dispose]()
    expect(() => mapped.reset()).toThrow('after it was disposed of')
  })

  it('maps a memory of no pages', async () => {
    using image = await writeAndOpen(dir, [Buffer.alloc(0)])
    using restorer = createRestorer(way)
    using mapped = restorer.map(newMemory(0), image, regionOf(image))
    expect(mapped.reset()).toBe(0)
    mapped.trim()
    expect(mapped.equalsImage()).toBe(true)
  })
})

// That swapped pages count cannot be shown without a swap device, which test machines lack: both finders ask for them.
describe.each(['scan', 'pagemap'] as const)('restorer, way "%s", private pages', (way) => {
  it('holds only what was written, keeps it over resets, and gives it back by trim and by dispose', async () => {
    using image = await imageA()
    using restorer = createRestorer(way)
    const memory = newMemory()
    using mapped = restorer.map(memory, image, regionOf(image))
    const bytes = bytesOf(memory)
    expect(bytes.reduce((sum, byte) => sum + byte, 0)).toBe(10 * PAGE)
    expect(mapped.residentBytes()).toBe(0)
    bytes.fill(1, 10 * PAGE, 13 * PAGE)
    mapped.reset()
    expect(mapped.residentBytes()).toBe(3 * PAGE)
    mapped.trim()
    expect(mapped.residentBytes()).toBe(0)
    bytes.fill(1)
    mapped[Symbol.dispose]()
    expect(bytes.every((byte) => byte === 0)).toBe(true)
  })

  it('re-images in place where few pages fault, and by mapping the new file beyond', async () => {
    using small = await writeAndOpen(dir, [memoryBytes(32, { 0: 1, 300: 1 })])
    using large = await writeAndOpen(dir, [Buffer.alloc(32 * WASM_PAGE, 3)])
    using restorer = createRestorer(way)
    using other = await writeAndOpen(dir, [memoryBytes(32, { 0: 2, 301: 1 })])
    using mapped = restorer.map(newMemory(32), small, regionOf(small))
    mapped.reimage(other, regionOf(other))
    expect(mapped.residentBytes()).toBe(3 * PAGE)
    mapped.reimage(large, regionOf(large))
    expect(mapped.residentBytes()).toBe(0)
    expect(mapped.equalsImage()).toBe(true)
  })

  it('takes the pages with data and some after them ahead of need, and can then re-image that much in place', async () => {
    using image = await writeAndOpen(dir, [memoryBytes(32, { 0: 1, 300: 1 })])
    const elsewhere = Object.fromEntries(Array.from({ length: 32 }, (_, page) => [page + 1, 7]))
    using other = await writeAndOpen(dir, [memoryBytes(32, elsewhere)])
    using restorer = createRestorer(way)
    using mapped = restorer.map(newMemory(32), image, regionOf(image))
    mapped.prefault()
    expect(mapped.residentBytes()).toBe(2 * 33 * PAGE)
    expect(mapped.equalsImage()).toBe(true)
    mapped.reimage(other, regionOf(other))
    expect(mapped.residentBytes()).toBe(2 * 33 * PAGE)
    expect(mapped.equalsImage()).toBe(true)
  })
})

describe('createRestorer', () => {
  it('takes the first way that works', () => {
    const first = probeRestoreWays().find(({ works }) => works)
    using restorer = createRestorer('auto')
    expect(restorer.way).toBe(first?.way)
  })

  it('has each way tried for thaw doctor', () => {
    expect(probeRestoreWays()).toEqual(ways.map((way) => ({ way, works: true })))
  })
})
