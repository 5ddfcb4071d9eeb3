/** Garbage in: an error of ours or valid modules out, never anything else. */
import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'

import { ThawError } from '../../src/errors.ts'
import { rewriteModule } from '../../src/build/rewrite/module.ts'
import { wat } from './rewrite.support.ts'

const sources = [
  '(module)',
  `(module (memory 1 2) (data (i32.const 0) "abc") (data "def")
    (func (export "f") (param i32) (result i32) (local i64 f32)
      (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop 1)
      (loop (br_if 0 (local.get 0))) (memory.grow (local.get 0))))`,
  `(module (import "e" "f" (func (param i32))) (import "e" "g" (global i32)) (import "e" "m" (memory 0 9))
    (type $t (func)) (table 3 funcref) (table 1 4 externref)
    (global (mut i32) (i32.const 7)) (global (mut f64) (f64.const 0.25)) (global i64 (i64.add (i64.const 1) (i64.const 2)))
    (elem (i32.const 0) $a $b) (elem declare func $a) (elem funcref (ref.func $b) (ref.null func))
    (start $a)
    (func $a (return_call $b))
    (func $b (export "b") (call_indirect (type $t) (i32.const 0)) (table.set 0 (i32.const 0) (ref.func $a)) (elem.drop 2)
      (drop (table.grow 1 (ref.null extern) (i32.const 1)))))`,
  `(module (memory 1) (memory 1)
    (func (export "f") (param v128) (result v128)
      (block (result v128) (v128.store 1 (i32.const 0) (local.get 0)) (v128.load8_lane 1 offset=9 3 (i32.const 1) (local.get 0)))
      (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (local.get 0))
      (i32x4.relaxed_trunc_f32x4_s) (loop (param v128) (result v128))))`,
]

interface Mutation {
  at: number
  remove: number
  insert: number[]
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(0xffff),
  remove: fc.constantFrom(0, 0, 1, 1, 1, 2, 8),
  insert: fc.array(
    fc.oneof(
      fc.nat(255),
      fc.constantFrom(0, 1, 2, 3, 0x0b, 0x3f, 0x40, 0x60, 0x70, 0x7f, 0x80, 0xfc, 0xfd, 0xfe, 0xff),
    ),
    { maxLength: 3 },
  ),
})

function mutate(seed: Uint8Array, mutations: Mutation[]): Uint8Array<ArrayBuffer> {
  let bytes = [...seed]
  for (const { at, remove, insert } of mutations) bytes = bytes.toSpliced(at % (bytes.length + 1), remove, ...insert)
  return Uint8Array.from(bytes)
}

/** What is wrong with how `input` was treated, or undefined. */
function fault(input: Uint8Array<ArrayBuffer>): string | undefined {
  const valid = WebAssembly.validate(input)
  try {
    const { full, lean } = rewriteModule(input)
    if (!valid) return 'took an invalid module'
    return [full, lean].every((output) => WebAssembly.validate(new Uint8Array(output)))
      ? undefined
      : 'made an invalid one'
  } catch (error) {
    if (!(error instanceof ThawError) || error.code !== 'Build') return `threw ${String(error)}`
    // Valid for V8 and not for us means a feature or a rule, not that we misread it.
    return valid && /malformed|rewritten/.test(error.message) ? `misread a valid module: ${error.message}` : undefined
  }
}

describe('rewriteModule', () => {
  const seeds: Uint8Array[] = []
  beforeAll(async () => {
    for (const source of sources) seeds.push(await wat(source))
  })

  it('takes the seeds as they are', () => {
    for (const seed of seeds) expect(() => rewriteModule(seed)).not.toThrow()
  })

  it('takes or refuses mutated modules', () => {
    const mutated = fc.tuple(fc.nat(sources.length - 1), fc.array(mutation, { minLength: 1, maxLength: 4 }))
    const property = fc.property(mutated, ([index, mutations]) => {
      const found = fault(mutate(seeds[index] ?? new Uint8Array(), mutations))
      if (found !== undefined) throw new Error(found)
    })
    expect(fc.check(property, { numRuns: 4_000 })).toMatchObject({ failed: false, counterexample: null })
  })

  it('takes or refuses every module cut off', () => {
    const faults = seeds.flatMap((seed) => [...seed.keys()].map((end) => fault(new Uint8Array(seed.subarray(0, end)))))
    expect(faults.filter((found) => found !== undefined)).toEqual([])
  })

  it('takes or refuses every module with one byte changed', () => {
    const values = [0x00, 0x01, 0x03, 0x0b, 0x40, 0x41, 0x64, 0x7f, 0x80, 0xff]
    const faults = seeds.flatMap((seed) =>
      [...seed.keys()].flatMap((at) => values.map((value) => fault(new Uint8Array(seed).with(at, value)))),
    )
    expect(faults.filter((found) => found !== undefined)).toEqual([])
  })

  it('refuses plain noise', () => {
    const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const found = fault(new Uint8Array(noise)) ?? fault(Uint8Array.from([...header, ...noise]))
      if (found !== undefined) throw new Error(found)
    })
    expect(fc.check(property, { numRuns: 1_000 })).toMatchObject({ failed: false, counterexample: null })
  })
})
