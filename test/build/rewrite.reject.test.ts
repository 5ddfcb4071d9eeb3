import { describe, expect, it } from 'vitest'

import { ThawError } from '../../src/errors.ts'
import { rewriteModule } from '../../src/build/rewrite/module.ts'
import { wat } from './rewrite.support.ts'

function rejection(bytes: Uint8Array): string {
  try {
    rewriteModule(bytes)
  } catch (error) {
    if (error instanceof ThawError && error.code === 'Build') return error.message
    throw error
  }
  return 'accepted'
}

describe('a feature Thaw does not support is named', () => {
  it.each([
    ['garbage collection', 'struct type', '(module (type (struct (field i32))))'],
    ['garbage collection', 'array type', '(module (type (array i32)))'],
    ['garbage collection', 'recursive type group', '(module (rec (type (func)) (type (func))))'],
    ['garbage collection', 'subtype', '(module (type (sub (func))))'],
    ['garbage collection', 'any reference', '(module (func (param anyref)))'],
    ['garbage collection', 'any reference', '(module (func (local anyref)))'],
    ['garbage collection', 'i31 reference', '(module (table 1 i31ref))'],
    ['garbage collection', 'eq reference', '(module (func (block (result eqref) unreachable) drop))'],
    ['garbage collection', 'none reference', '(module (func (drop (ref.null none))))'],
    ['garbage collection', 'i31 reference', '(module (func (drop (block (result (ref i31)) unreachable))))'],
    ['garbage collection', 'opcode 0xfb1c', '(module (func (drop (ref.i31 (i32.const 1)))))'],
    ['garbage collection', 'opcode 0xfb1c', '(module (global externref (extern.convert_any (ref.i31 (i32.const 1)))))'],
    ['garbage collection', 'opcode 0xd3', '(module (func unreachable ref.eq drop))'],
    ['exception handling', 'tag section', '(module (tag))'],
    ['exception handling', 'imported tag', '(module (import "m" "t" (tag)))'],
    ['exception handling', 'opcode 0x8', '(module (func (throw 0)))'],
    ['exception handling', 'opcode 0x1f', '(module (func (try_table (catch_all 0))))'],
    ['exception handling', 'exn reference', '(module (func (param exnref)))'],
    ['threads', 'shared memory', '(module (memory 1 2 shared))'],
    ['threads', 'shared memory', '(module (import "m" "m" (memory 1 2 shared)))'],
    ['threads', 'opcode 0xfe10', '(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))'],
    ['threads', 'opcode 0xfe03', '(module (func atomic.fence))'],
    ['memory64', 'memory with 64-bit addresses', '(module (memory i64 1))'],
    ['table64', 'table with 64-bit indices', '(module (table i64 1 funcref))'],
    ['stack switching', 'cont type', '(module (type $f (func)) (type (cont $f)))'],
    ['stack switching', 'opcode 0xe2', '(module (tag) (func (suspend 0)))'],
    ['custom page sizes', 'memory with a page size', '(module (memory 1 (pagesize 1)))'],
  ])('%s: %s', async (feature, where, source) => {
    // The tag section would be named first where the point is an instruction that needs one.
    const bytes = where.startsWith('opcode') ? withoutTagSection(await wat(source)) : await wat(source)
    expect(rejection(bytes)).toBe(`A core module uses ${feature} (${where}), which Thaw does not support.`)
  })
})

function withoutTagSection(bytes: Uint8Array): Uint8Array {
  const pieces = [bytes.subarray(0, 8)]
  for (let at = 8; at < bytes.length;) {
    const end = at + 2 + (bytes[at + 1] ?? 0)
    if (bytes[at] !== 13) pieces.push(bytes.subarray(at, end))
    at = end
  }
  return Uint8Array.from(Buffer.concat(pieces))
}

describe('a rule of Thaw is named', () => {
  it.each([
    ['it has a mutable global of type v128', '(module (global (mut v128) (v128.const i64x2 0 0)))'],
    ['it has a mutable global of a reference type', '(module (global (mut funcref) (ref.null func)))'],
    ['it has a mutable global of a reference type', '(module (import "m" "g" (global (mut externref))))'],
    ['its tables begin with 10000001 elements, and the limit is 10000000', '(module (table 10000001 funcref))'],
    ['its tables begin with 12000000 elements', '(module (table 6000000 funcref) (table 6000000 funcref))'],
    ['it imports from "$thaw"', '(module (import "$thaw" "epoch" (func)))'],
    ['it exports "$g0"', '(module (func (export "$g0")))'],
    ['it exports "$t12"', '(module (func (export "$t12")))'],
    ['it exports "$dl"', '(module (func (export "$dl")))'],
    ['it exports "$x"', '(module (func (export "$x")))'],
  ])('%s', async (rule, source) => {
    expect(rejection(await wat(source))).toContain(`A core module cannot be used: ${rule}`)
  })

  it('but other names with a dollar are the own affair of the guest', async () => {
    expect(rejection(await wat('(module (table (export "$imports") 1 funcref) (func (export "$g")))'))).toBe('accepted')
  })
})

describe('a malformed module is refused with the place', () => {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
  const module = (...rest: number[]): Uint8Array => Uint8Array.from([...header, ...rest])
  const oneFunction = [0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00]

  it.each([
    ['an empty file', Uint8Array.of(), 'magic number'],
    ['another version', Uint8Array.from([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]), 'version 1'],
    ['a component', Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]), 'it is a component, not a core module'],
    ['a section past the end', module(0x01, 0x05, 0x00), 'section 1 says 5 bytes, past the end of the module'],
    ['a size cut off', module(0x01, 0x80), 'the section list is truncated'],
    ['an overlong number', module(0x01, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00), 'number longer than 32 bits'],
    ['a number of 33 bits', module(0x01, 0xff, 0xff, 0xff, 0xff, 0x1f), 'number longer than 32 bits'],
    ['sections out of order', module(0x03, 0x01, 0x00, 0x01, 0x01, 0x00), 'its type section is out of order'],
    ['a section twice', module(0x01, 0x01, 0x00, 0x01, 0x01, 0x00), 'two type sections'],
    ['an unknown section', module(0x0e, 0x00), 'unknown id 14'],
    ['a vector shorter than it says', module(0x01, 0x01, 0x01), 'the type section is truncated'],
    ['a vector longer than it says', module(0x01, 0x02, 0x00, 0x00), 'the type section has 1 bytes too many'],
    ['an unknown type', module(0x01, 0x05, 0x01, 0x60, 0x01, 0x41, 0x00), 'unknown type 0x41'],
    ['a name that is no text', module(0x07, 0x05, 0x01, 0x01, 0xff, 0x00, 0x00), 'a name that is not UTF-8'],
    ['a maximum below the minimum', module(0x05, 0x04, 0x01, 0x01, 0x02, 0x01), 'maximum 1 is below their minimum 2'],
    ['too large a memory', module(0x05, 0x05, 0x01, 0x00, 0x81, 0x80, 0x04), 'more than 65536 pages'],
    ['a body past its section', module(...oneFunction, 0x0a, 0x03, 0x01, 0x09, 0x00), 'the code section is truncated'],
    ['a body without end', module(...oneFunction, 0x0a, 0x05, 0x01, 0x03, 0x00, 0x01, 0x01), 'does not end'],
    ['an empty body', module(...oneFunction, 0x0a, 0x03, 0x01, 0x01, 0x00), 'does not end'],
    ['a body cut in an instruction', module(...oneFunction, 0x0a, 0x05, 0x01, 0x03, 0x00, 0x41, 0x80), 'truncated'],
    ['an unknown opcode', module(...oneFunction, 0x0a, 0x05, 0x01, 0x03, 0x00, 0x27, 0x0b), 'unknown opcode 0x27'],
    ['an unknown prefixed opcode', module(...oneFunction, 0x0a, 0x06, 0x01, 0x04, 0, 0xfc, 0x7f, 0x0b), '0xfc 0x7f'],
    ['bodies without functions', module(0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b), 'function'],
  ])('%s', (_name, bytes, message) => {
    expect(rejection(bytes)).toMatch(/^A core module is malformed: /)
    expect(rejection(bytes)).toContain(message)
  })

  it('what only V8 finds is reported in its words', async () => {
    expect(rejection(await wat('(module (func (result i32) (i64.const 1)))'))).toMatch(
      /function #0 failed: type error .*expected i32, got i64/,
    )
  })
})
