import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { epochDifferenceMs } from '../../src/memory/clock.ts'
import { LAYOUT_VERSION, MAX_POOLS, MAX_STRIDE, pageBytes, VERSION_WORD } from '../../src/memory/page-layout.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'

const dir = mkdtempSync(join(tmpdir(), 'thaw-page-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** (module (import "$thaw" "epoch" (memory 1 65536 shared)) (func (export "read") (result i32) i32.const 0 i32.load)) */
const reader = new WebAssembly.Module(
  new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 2, 0x13, 1, 5, 0x24, 0x74, 0x68, 0x61, 0x77, 5, 0x65,
    0x70, 0x6f, 0x63, 0x68, 2, 3, 1, 0x80, 0x80, 4, 3, 2, 1, 0, 7, 8, 1, 4, 0x72, 0x65, 0x61, 0x64, 0, 0, 0x0a, 9, 1, 7,
    0, 0x41, 0, 0x28, 2, 0, 0x0b,
  ]),
)

describe('SharedPage', () => {
  it('is the same memory for whoever opens its file', () => {
    const path = join(dir, 'both')
    const shape = { pools: 300, stride: 2_000 }
    using controller = SharedPage.create(path, shape)
    using worker = SharedPage.open(path)
    worker.worker(5).attach(123, 9)
    controller.slots.setLimit(299, 10)
    const slot = worker.slots.acquire(299, 9)
    expect(controller.worker(5).read()).toMatchObject({ pid: 123, incarnation: 9 })
    expect(worker.slots.limit(299)).toBe(10)
    controller.slots.release(slot, 9)
    expect(statSync(path)).toMatchObject({ size: pageBytes(shape) })
    // Of 2.4 MB only what was written takes room.
    expect(statSync(path).blocks * 512).toBeLessThan(100_000)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('shows a guest the epoch at address 0', () => {
    using page = SharedPage.anonymous()
    const { exports } = new WebAssembly.Instance(reader, { $thaw: { epoch: page.memory } })
    const epoch = page.tick()
    expect(typeof exports.read === 'function' && exports.read()).toBe(epoch)
  })

  it('ticks by CLOCK_MONOTONIC', () => {
    using page = SharedPage.anonymous()
    const expected = Number(BigInt.asIntN(32, process.hrtime.bigint() / 250_000n))
    expect(Math.abs(epochDifferenceMs(page.now(), expected))).toBeLessThan(1_000)
  })

  it('replaces a page left over by another controller without touching it', () => {
    const path = join(dir, 'left-over')
    using old = SharedPage.create(path)
    old.slots.setLimit(0, 5)
    using page = SharedPage.create(path)
    expect(page.slots.limit(0)).toBe(0)
    expect(old.slots.limit(0)).toBe(5)
  })

  it('removes its file when the controller disposes of it, and stays readable', () => {
    const path = join(dir, 'disposed')
    const page = SharedPage.create(path)
    page[Symbol.dispose]()
    page[Symbol.dispose]()
    expect(() => statSync(path)).toThrow('ENOENT')
    expect(page.tick()).toBeTypeOf('number')
  })

  it('refuses a file that is missing, cut short, not a page, or of another layout', () => {
    const path = join(dir, 'refused')
    expect(() => SharedPage.open(path)).toThrow('open failed: ENOENT')
    writeFileSync(path, Buffer.alloc(262_144))
    expect(() => SharedPage.open(path)).toThrow('not one of Thaw')
    for (const bytes of [0, 100, 65_537, pageBytes({ pools: MAX_POOLS, stride: MAX_STRIDE }) + 65_536]) {
      truncateSync(path, bytes)
      expect(() => SharedPage.open(path)).toThrow(`of ${bytes} bytes there is none`)
    }
    using page = SharedPage.create(path)
    truncateSync(path, 65_536)
    expect(() => SharedPage.open(path)).toThrow('65536 bytes, not 131072')
    truncateSync(path, 131_072)
    new Int32Array(page.memory.buffer)[VERSION_WORD] = LAYOUT_VERSION + 1
    expect(() => SharedPage.open(path)).toThrow('layout version 3, not 2')
  })
})

describe('epochDifferenceMs', () => {
  it('is right across the wrap', () => {
    expect(epochDifferenceMs(-2_147_483_648, 2_147_483_647)).toBe(0.25)
    expect(epochDifferenceMs(2_147_483_647, -2_147_483_648)).toBe(-0.25)
    expect(epochDifferenceMs(-1, -5)).toBe(1)
  })
})

describe('WorkerRecord', () => {
  it('says what runs, and until when', () => {
    using page = SharedPage.anonymous()
    const record = page.worker(0)
    record.attach(10, 20)
    expect(record.read()).toEqual({
      pid: 10,
      incarnation: 20,
      deployment: 0,
      deadlineEpoch: 0,
      running: false,
      heartbeatEpoch: 0,
    })
    record.setRunning(30, 40)
    expect(record.read()).toMatchObject({ deployment: 30, deadlineEpoch: 40, running: true })
    record.setRunning(31, 41)
    expect(record.read()).toMatchObject({ deployment: 31, deadlineEpoch: 41, running: true })
    record.clearRunning()
    expect(record.read()).toMatchObject({ running: false })
    record.clearRunning()
    expect(record.read()).toMatchObject({ running: false })
  })

  it('keeps workers apart', () => {
    using page = SharedPage.anonymous()
    for (let index = 0; index < 128; index++) page.worker(index).attach(index + 1, index + 1)
    page.worker(64).setRunning(1, 1)
    const states = Array.from({ length: 128 }, (_, index) => page.worker(index).read())
    expect(states.map(({ pid }) => pid)).toEqual(Array.from({ length: 128 }, (_, index) => index + 1))
    expect(states.filter(({ running }) => running)).toHaveLength(1)
    expect(page.slots.inUse()).toBe(0)
    expect(() => page.worker(128)).toThrow('no worker 128')
  })

  it('starts afresh for the next process', () => {
    using page = SharedPage.anonymous()
    const record = page.worker(1)
    record.attach(10, 20)
    record.setRunning(30, 40)
    record.heartbeat()
    expect(record.read().heartbeatEpoch).not.toBe(0)
    record.attach(11, 21)
    expect(record.read()).toMatchObject({ pid: 11, incarnation: 21, running: false, heartbeatEpoch: 0 })
  })
})
