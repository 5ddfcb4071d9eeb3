import { array, assert, integer, oneof, property, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { Pieces } from '../../../src/worker/edge/pieces.ts'

test('what is taken is what was pushed, whatever the sizes', () => {
  const chunk = oneof(uint8Array({ maxLength: 40 }), uint8Array({ minLength: 2_000, maxLength: 5_000 }))
  const step = oneof(chunk, integer({ min: 1, max: 6_000 }))
  assert(
    property(array(step, { maxLength: 60 }), (steps) => {
      const pieces = new Pieces()
      const [pushed, taken]: [Buffer[], Buffer[]] = [[], []]
      for (const step of steps) {
        if (typeof step !== 'number') {
          pieces.push(Buffer.from(step))
          pushed.push(Buffer.from(step))
          continue
        }
        const before = pieces.bytes
        const some = pieces.take(step) ?? Buffer.alloc(0)
        // Nothing only where there is nothing.
        expect(some.length > 0 || before === 0).toBe(true)
        expect(some.length).toBeLessThanOrEqual(step)
        taken.push(some)
      }
      const all = Buffer.concat(pushed)
      expect(pieces.bytes).toBe(all.length - Buffer.concat(taken).length)
      expect(Buffer.concat([...taken, pieces.concat()])).toEqual(all)
    }),
  )
})

test('chunks of one byte do not stay apart', () => {
  const pieces = new Pieces()
  for (let i = 0; i < 100_000; i++) pieces.push(Buffer.of(i & 255))
  let count = 0
  while (pieces.take(1_000_000) !== undefined) count++
  expect(count).toBeLessThan(10)
})

test('one chunk is kept as it is, and cleared there is nothing', () => {
  const pieces = new Pieces()
  const chunk = Buffer.from('abc')
  pieces.push(chunk)
  expect(pieces.concat().buffer).toBe(chunk.buffer)
  pieces.clear()
  expect([pieces.bytes, pieces.take(1)]).toEqual([0, undefined])
})
