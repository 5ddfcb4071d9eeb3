import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FileData } from '../../../src/wasi/fs/file-data.ts'
import { Space } from '../../../src/wasi/fs/space.ts'

const MB = 1_048_576

function whole(data: FileData): Buffer {
  const bytes = Buffer.alloc(data.size, 0xee)
  expect(data.read(0, bytes)).toBe(data.size)
  return bytes
}

describe('contents of a temporary file', () => {
  const offset = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 200_000 }))
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), offset, length: fc.integer({ min: 0, max: 70_000 }) }),
    fc.record({ kind: fc.constant('resize' as const), offset, length: fc.constant(0) }),
  )

  test('whatever is written, cut off and grown reads as one array would have it', () => {
    const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const space = new Space(MB)
      const data = new FileData(space)
      let model = Buffer.alloc(0)
      for (const [index, { kind, offset, length }] of steps.entries()) {
        if (kind === 'write') {
          const bytes = Buffer.alloc(length, index + 1)
          data.write(offset, bytes)
          const grown = Buffer.alloc(Math.max(model.length, length === 0 ? 0 : offset + length))
          model.copy(grown)
          bytes.copy(grown, offset)
          model = grown
        } else {
          data.resize(offset)
          const cut = Buffer.alloc(offset)
          model.copy(cut)
          model = cut
        }
        expect(data.size).toBe(model.length)
        expect(space.usedBytes).toBe(Math.ceil(model.length / 4_096) * 4_096)
      }
      expect(whole(data).equals(model)).toBe(true)
      data[Symbol.dispose]()
      expect(space.usedBytes).toBe(0)
    })
    fc.assert(property, { numRuns: 150 })
  })

  test('reads stop at the end', () => {
    const data = new FileData(new Space(MB))
    data.write(0, Buffer.from('hello'))
    const into = new Uint8Array(10)
    expect([data.read(3, into), data.read(5, into), data.read(99, into)]).toEqual([2, 0, 0])
  })

  test('a hole is counted by its size and costs the host no memory', () => {
    const space = new Space(512 * MB)
    const data = new FileData(space)
    const before = process.memoryUsage().arrayBuffers
    data.resize(512 * MB)
    expect(space.usedBytes).toBe(512 * MB)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MB)
    const end = new Uint8Array(4).fill(1)
    expect(data.read(512 * MB - 4, end)).toBe(4)
    expect([...end]).toEqual([0, 0, 0, 0])
  })

  test.each([
    ['a write', (data: FileData) => data.write(8_000, new Uint8Array(1_000))],
    ['a size', (data: FileData) => data.resize(8_193)],
  ])('%s beyond the space is refused and changes nothing', (_name, run) => {
    const space = new Space(8_192)
    const data = new FileData(space)
    data.write(0, Buffer.from('kept'))
    expect(() => run(data)).toThrow(expect.objectContaining({ code: 'insufficient-space' }))
    expect([data.size, space.usedBytes, whole(data).toString()]).toEqual([4, 4_096, 'kept'])
  })

  test('an impossible size is too large, not out of space', () => {
    const data = new FileData(new Space(MB))
    expect(() => data.resize(2 ** 60)).toThrow(expect.objectContaining({ code: 'file-too-large' }))
  })

  test('its memory goes back at once', () => {
    const data = new FileData(new Space(64 * MB))
    const megabyte = new Uint8Array(MB).fill(1)
    for (let at = 0; at < 32; at++) data.write(at * MB, megabyte)
    const held = process.memoryUsage().arrayBuffers
    data[Symbol.dispose]()
    // No collection can have run in between: freeing is all that takes so much away.
    expect(held - process.memoryUsage().arrayBuffers).toBeGreaterThan(31 * MB)
  })
})
