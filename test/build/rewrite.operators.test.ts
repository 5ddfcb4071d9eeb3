/** wasmparser against V8: every opcode V8 takes is read to its exact end, or refused by name. */
import { describe, expect, it } from 'vitest'

import { ThawError } from '../../src/errors.ts'
import { u32 } from '../../src/build/rewrite/bytes.ts'
import { rewriteModule } from '../../src/build/rewrite/module.ts'
import type { RewrittenModule } from '../../src/build/rewrite/module.ts'
import { host, wat } from './rewrite.support.ts'

const LOOP = [0x03, 0x40, 0x0b]
const END = 0x0b
const TAIL_CALLS: ReadonlySet<number> = new Set([0x12, 0x13, 0x15])

/** Two of everything an immediate can name, so that indexes 0 and 1 are valid; and one function to fill in. */
async function moduleWith(): Promise<(body: number[]) => Uint8Array<ArrayBuffer>> {
  const template = await wat(`(module
    (type $t (func)) (type $u (func))
    (memory 1) (memory 1) (table 2 funcref) (table 2 funcref)
    (global (mut i32) (i32.const 0)) (global (mut i32) (i32.const 0))
    (elem func 0) (elem func 0) (export "f" (func 0))
    (data "a") (data "b")
    (func (data.drop 0)))`)
  // data.drop brings the data count section; the body is to be replaced.
  const placeholder = Buffer.from([0x0a, 0x07, 0x01, 0x05, 0x00, 0xfc, 0x09, 0x00, END])
  const at = Buffer.from(template).indexOf(placeholder)
  if (at < 0) throw new Error('no code section where expected')
  return (body) => {
    const code = [0x01, ...u32(body.length + 2), 0x00, ...body, END]
    const section = [0x0a, ...u32(code.length), ...code]
    return Uint8Array.from(
      Buffer.concat([template.subarray(0, at), Uint8Array.from(section), template.subarray(at + placeholder.length)]),
    )
  }
}

function rewriteOrMessage(bytes: Uint8Array): RewrittenModule | string {
  try {
    return rewriteModule(bytes)
  } catch (error) {
    if (error instanceof ThawError) return error.message
    throw error
  }
}

const opcodes = [
  ...Array.from({ length: 0xfb }, (_, code) => [code]),
  ...[0xfb, 0xfc, 0xfe].flatMap((prefix) => Array.from({ length: 0x60 }, (_, code) => [prefix, ...u32(code)])),
  ...Array.from({ length: 0x140 }, (_, code) => [0xfd, ...u32(code)]),
]

/** Immediates that are valid for some opcode; the last ones hold what would be a loop if it were read as code. */
const immediates: Record<string, number[]> = {
  'no or zero': Array.from({ length: 18 }, () => 0),
  'a memory argument with a memory index': [0x40, 0x01, 0x03],
  'a memory argument with a memory index, and a lane': [0x40, 0x01, 0x03, 0x00],
  'an offset and a lane': [0x00, 0x03, 0x00],
  'an index': [0x01],
  'two indexes': [0x01, 0x01],
  'an index in two bytes': [0x81, 0x00],
  'two indexes in two bytes': [0x81, 0x00, 0x81, 0x00],
  'an index in one and one in two bytes': [0x01, 0x81, 0x00],
  'a type': [0x70],
  'a vector of a type': [0x01, 0x7f],
}

describe('every opcode', () => {
  it.each(Object.entries(immediates))('with %s', async (_name, bytes) => {
    const build = await moduleWith()
    const faults: string[] = []
    let taken = 0
    for (const opcode of opcodes) {
      // Unreachable code, so that operands are there; what is left of the zeros is `unreachable` once more.
      const input = build([0x00, ...opcode, ...bytes, 0x00, ...LOOP])
      if (!WebAssembly.validate(input)) continue
      const result = rewriteOrMessage(input)
      const expected = TAIL_CALLS.has(opcode[0] ?? 0) ? 2 : 1
      if (typeof result !== 'string') taken += 1
      const right =
        typeof result === 'string'
          ? /uses (garbage collection|exception handling|threads) \(/.test(result)
          : result.meta.checkpoints === expected
      if (!right) faults.push(`${Buffer.from(opcode).toString('hex')}: ${JSON.stringify(result)}`)
    }
    expect(faults).toEqual([])
    expect(taken).toBeGreaterThan(0)
  })

  it.each([
    ['memory.init', [0xfc, 0x08, 0x01, 0x81, 0x00]],
    ['memory.copy', [0xfc, 0x0a, 0x81, 0x00, 0x81, 0x00]],
    ['call_indirect', [0x11, 0x00, 0x81, 0x00]],
    ['memory.size', [0x3f, 0x81, 0x00]],
    ['i32.load', [0x28, 0x42, 0x81, 0x00, 0x03]],
    ['v128.store8_lane', [0xfd, 0x58, 0x40, 0x81, 0x00, 0x03, 0x03]],
  ])('is not left out of the above: %s is valid', async (_name, code) => {
    const build = await moduleWith()
    expect(WebAssembly.validate(build([0x00, ...code, 0x00]))).toBe(true)
    expect(rewriteOrMessage(build([0x00, ...code, 0x00, ...LOOP]))).toMatchObject({ meta: { checkpoints: 1 } })
  })

  it('takes all of SIMD and relaxed SIMD that V8 takes', async () => {
    const build = await moduleWith()
    const simd = opcodes.filter(([prefix]) => prefix === 0xfd)
    const zeros = Array.from({ length: 18 }, () => 0)
    const valid = simd
      .map((opcode) => build([0x00, ...opcode, ...zeros]))
      .filter((input) => WebAssembly.validate(input))
    // 236 of SIMD, 20 of relaxed SIMD.
    expect(valid).toHaveLength(256)
    expect(valid.map(rewriteOrMessage).filter((result) => typeof result === 'string')).toEqual([])
  })
})

describe('multi-memory', () => {
  it('loads, stores, copies, fills and lanes act on the memory they name', async () => {
    const { lean, meta } = rewriteModule(
      await wat(`(module
        (memory $a 1) (memory $b 1) (data $d "\\01\\02\\03\\04")
        (func (export "go") (result i32)
          (local $i i32)
          (memory.init $b $d (i32.const 0) (i32.const 0) (i32.const 4))
          (memory.copy $a $b (i32.const 8) (i32.const 0) (i32.const 4))
          (memory.fill $b (i32.const 16) (i32.const 5) (i32.const 4))
          (v128.store8_lane $b offset=3 0 (i32.const 17) (v128.const i8x16 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3))
          (loop $again
            (i32.store $b offset=3 (i32.const 0) (i32.add (i32.load $b offset=3 (i32.const 0)) (i32.const 3)))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
          (i32.add (i32.load8_u $a (i32.const 10)) (i32.load8_u $b (i32.const 20))))
        (func (export "grown") (result i32) (drop (memory.grow $b (i32.const 2))) (memory.size $b)))`),
    )
    expect(meta.checkpoints).toBe(1)
    const live = await host(lean, meta)
    expect(live.call('go')).toBe(6)
    expect([...new Uint8Array(live.memories[1]?.buffer ?? new ArrayBuffer(0)).subarray(0, 8)]).toEqual([
      1, 2, 3, 13, 0, 0, 0, 0,
    ])
    expect(live.call('grown')).toBe(3)
    expect(live.memories.map(({ buffer }) => buffer.byteLength)).toEqual([65_536, 3 * 65_536])
  })

  // 385 is 81 03: read as one byte, what follows is a `loop`.
  it.each([
    ['memory.size', '(drop (memory.size 385))'],
    ['memory.grow', '(drop (memory.grow 385 (i32.const 0)))'],
    ['memory.fill', '(memory.fill 385 (i32.const 0) (i32.const 0) (i32.const 0))'],
    ['memory.copy', '(memory.copy 385 0 (i32.const 0) (i32.const 0) (i32.const 0))'],
    ['memory.copy', '(memory.copy 0 385 (i32.const 0) (i32.const 0) (i32.const 0))'],
    ['memory.init', '(memory.init 385 0 (i32.const 0) (i32.const 0) (i32.const 0))'],
    ['call_indirect', '(call_indirect 385 (i32.const 0))'],
    ['table.copy', '(table.copy 385 385 (i32.const 0) (i32.const 0) (i32.const 0))'],
    ['i32.load', '(drop (i32.load 385 offset=3 (i32.const 0)))'],
    ['v128.load8_lane', '(drop (v128.load8_lane 385 offset=3 3 (i32.const 0) (v128.const i64x2 0 0)))'],
  ])('an index of more than one byte is read to its end: %s', async (_name, code) => {
    const many = '(memory 0) (table 0 funcref) '.repeat(400)
    const { meta } = rewriteModule(await wat(`(module ${many} (data "a") (func ${code} (loop)))`))
    expect(meta.checkpoints).toBe(1)
  })

  it('indexes above 127 reach the memory and table they name', async () => {
    const memories = '(memory 1) '.repeat(200)
    const { lean, meta } = rewriteModule(
      await wat(`(module ${memories}
        (table 1 funcref) ${'(table 1 funcref) '.repeat(199)} (elem (table 150) (i32.const 0) func $nine)
        (type $r (func (result i32)))
        (func $nine (result i32) (i32.const 9))
        (func (export "go") (result i32)
          (memory.fill 131 (i32.const 0) (i32.const 7) (i32.const 1))
          (memory.copy 131 131 (i32.const 1) (i32.const 0) (i32.const 1))
          (drop (memory.grow 131 (i32.const 1)))
          (loop)
          (i32.add (call_indirect 150 (type $r) (i32.const 0))
            (i32.add (i32.load8_u 131 (i32.const 1)) (memory.size 131)))))`),
    )
    expect(meta.checkpoints).toBe(1)
    expect((await host(lean, meta)).call('go')).toBe(18)
  })
})
