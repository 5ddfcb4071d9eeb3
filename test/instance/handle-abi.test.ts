import { describe, expect, test } from 'vitest'
import { ArgumentWriter, liftResult, liftTurn, readResult, type Encoding } from '../../src/instance/handle-abi.ts'
import type { Outcome } from '../../src/invocation.ts'
import { functionSpec, invocationOf } from '../support/runtime.ts'

const spec = functionSpec({ engine: 'e', snapshot: 's', initMs: 0 }, 7, { functionName: 'grüß-😀', memoryMb: 512 })
const deadlineMs = 1_795_000_000_123

/** A memory with a bump allocator; `grows` makes each allocation grow it, which detaches the buffer before. */
function guest(grows = false) {
  const memory = new WebAssembly.Memory({ initial: 1 })
  let top = 1_024
  const realloc = (_old: number, _oldSize: number, align: number, size: number): number => {
    if (grows) memory.grow(1)
    const pointer = Math.ceil(top / align) * align
    top = pointer + size
    return pointer
  }
  return { memory, realloc }
}

function textAt(memory: WebAssembly.Memory, address: number, encoding: Encoding): string {
  const view = Buffer.from(memory.buffer)
  const [pointer, length] = [view.readUInt32LE(address), view.readUInt32LE(address + 4)]
  if (encoding === 'utf8') return view.toString('utf8', pointer, pointer + length)
  expect(pointer % 2).toBe(0)
  expect(length >>> 31).toBe(encoding === 'utf16' ? 0 : 1)
  return view.toString('utf16le', pointer, pointer + (length & 0x7fff_ffff) * 2)
}

describe('arguments', () => {
  test.each(['utf8', 'utf16', 'latin1+utf16'] as const)('in %s', (encoding) => {
    const { memory, realloc } = guest(true)
    const payload = Uint8Array.of(1, 2, 3)
    const invocation = invocationOf(spec, payload, {
      requestId: 'request',
      clientContext: '{"a":"ä"}',
      traceId: 'trace',
    })
    const base = new ArgumentWriter(memory, realloc, encoding).write(invocation, 'stream', deadlineMs)
    const view = Buffer.from(memory.buffer)
    const event = view.readUInt32LE(base)
    expect(view.readUInt32LE(base + 4)).toBe(3)
    expect([...view.subarray(event, event + 3)]).toEqual([1, 2, 3])
    const texts = [8, 16, 24, 32, 44, 52].map((at) => textAt(memory, base + at, encoding))
    expect(texts).toEqual(['request', 'grüß-😀', '$LATEST', spec.functionArn, spec.logGroup, 'stream'])
    expect(view.readUInt32LE(base + 40)).toBe(512)
    expect(Number(view.readBigUInt64LE(base + 64))).toBe(deadlineMs)
    expect(view.readUInt8(base + 72)).toBe(1)
    expect(textAt(memory, base + 76, encoding)).toBe('{"a":"ä"}')
    expect(view.readUInt8(base + 84)).toBe(0)
    expect(view.readUInt8(base + 96)).toBe(1)
    expect(textAt(memory, base + 100, encoding)).toBe('trace')
  })

  test('into a memory that has garbage: an option that is none is written as none', () => {
    const { memory, realloc } = guest()
    new Uint8Array(memory.buffer).fill(0xff)
    const base = new ArgumentWriter(memory, realloc, 'utf8').write(invocationOf(spec), 'stream', deadlineMs)
    const view = Buffer.from(memory.buffer)
    expect([view.readUInt8(base + 72), view.readUInt8(base + 84), view.readUInt8(base + 96)]).toEqual([0, 0, 0])
  })

  test.each([
    ['unaligned', 4_097, /not aligned to 8/],
    ['out of bounds', 65_536, /out of bounds/],
    ['out of bounds by a little', 65_432, /out of bounds/],
    ['negative', -8, /out of bounds/],
  ])('an allocator whose pointer is %s', (_what, pointer, error) => {
    const { memory } = guest()
    const writer = new ArgumentWriter(memory, () => pointer, 'utf8')
    expect(() => writer.write(invocationOf(spec), 'stream', deadlineMs)).toThrow(error)
  })
})

/** A result record at 16, its words, and text to point at. */
function result(words: number[], discriminant = 1): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const view = Buffer.from(memory.buffer)
  view.writeUInt8(discriminant, 16)
  for (const [index, word] of words.entries()) view.writeUInt32LE(word >>> 0, 20 + index * 4)
  view.write('typemessageline', 256)
  view.write('größe', 512, 'utf16le')
  view.write('gr\xf6\xdfe', 768, 'latin1')
  view.writeUInt32LE(267, 128)
  view.writeUInt32LE(4, 132)
  return memory
}

const read = (memory: WebAssembly.Memory, encoding: Encoding = 'utf8', responseBytes = 100): Outcome =>
  readResult(memory, 16, encoding, responseBytes)

describe('results', () => {
  test('a payload, copied', () => {
    const memory = result([256, 4], 0)
    const outcome = read(memory)
    new Uint8Array(memory.buffer).fill(0)
    expect(outcome).toEqual({ kind: 'success', payload: new Uint8Array(Buffer.from('type')) })
  })

  test('an error with a trace', () => {
    expect(read(result([256, 4, 260, 7, 128, 1]))).toEqual({
      kind: 'failure',
      failure: { errorType: 'type', errorMessage: 'message', trace: ['line'] },
    })
  })

  test('an error without a trace has none', () => {
    expect(read(result([256, 4, 260, 7, 128, 0]))).toEqual({
      kind: 'failure',
      failure: { errorType: 'type', errorMessage: 'message' },
    })
  })

  test('an error in UTF-16, and in Latin-1', () => {
    const wide = read(result([512, 5, 512, 5, 0, 0]), 'utf16')
    const tagged = read(result([512, 5 | 0x8000_0000, 768, 5, 0, 0]), 'latin1+utf16')
    const failure = { errorType: 'größe', errorMessage: 'größe' }
    expect(wide).toEqual({ kind: 'failure', failure })
    expect(tagged).toEqual({ kind: 'failure', failure })
  })

  test('flat, as task.return has it', () => {
    const memory = result([])
    expect(liftResult(memory, [0, 256, 4, 0, 0, 0, 0], 'utf8', 100)).toMatchObject({ kind: 'success' })
    expect(liftResult(memory, [1, 256, 4, 260, 7, 128, 1], 'utf8', 100)).toEqual({
      kind: 'failure',
      failure: { errorType: 'type', errorMessage: 'message', trace: ['line'] },
    })
    expect(() => liftResult(memory, [2, 0, 0, 0, 0, 0, 0], 'utf8', 100)).toThrow('invalid discriminant 2')
  })

  test('a payload over the limit is refused before it is copied', () => {
    expect(read(result([0, 101], 0))).toMatchObject({ failure: { errorType: 'Function.ResponseSizeTooLarge' } })
    expect(read(result([0, 0xffff_ffff], 0))).toMatchObject({ failure: { errorType: 'Function.ResponseSizeTooLarge' } })
    expect(read(result([0, 100], 0))).toMatchObject({ kind: 'success' })
  })

  test('a trace without end is cut', () => {
    const memory = result([256, 4, 260, 7, 4_096, 5_000])
    const outcome = read(memory)
    expect(outcome.kind === 'failure' && outcome.failure.trace).toHaveLength(256)
  })

  test.each([
    ['unaligned', 18, /not aligned/],
    ['past the end', 65_536, /out of bounds/],
    ['just past the end', 65_512, /out of bounds/],
    ['negative', -4, /out of bounds/],
  ])('a result pointer that is %s', (_what, pointer, error) => {
    const memory = new WebAssembly.Memory({ initial: 1 })
    expect(() => readResult(memory, pointer, 'utf8', 100)).toThrow(error)
  })

  test.each([
    ['type', [65_535, 2, 0, 0, 0, 0]],
    ['message', [0, 0, 4, 0xffff_ffff, 0, 0]],
    ['trace', [0, 0, 0, 0, 65_532, 1]],
    ['endless trace', [0, 0, 0, 0, 0, 0xffff_ffff]],
    ['line of the trace', [0, 0, 0, 0, 1_024, 1]],
  ])('an error whose %s is out of bounds', (what, words) => {
    const memory = result(words)
    if (what === 'line of the trace') Buffer.from(memory.buffer).writeUInt32LE(0xffff_0000, 1_028)
    expect(() => read(memory)).toThrow(/out of bounds/)
  })

  test('the next timer', () => {
    expect(liftTurn([0, 0n])).toBeUndefined()
    expect(liftTurn([1, 0n])).toBe(0)
    expect(liftTurn([1, 1_500n])).toBe(1_500)
    // As u64: never negative.
    expect(liftTurn([1, -1n])).toBe(2 ** 64)
  })
})
