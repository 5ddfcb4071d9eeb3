import { describe, expect, it } from 'vitest'

import { rewriteModule } from '../../src/build/rewrite/module.ts'
import { host, transplant, wat } from './rewrite.support.ts'

const imports = (bytes: Uint8Array): string[] =>
  WebAssembly.Module.imports(new WebAssembly.Module(new Uint8Array(bytes))).map(
    (i) => `${i.module}.${i.name}:${i.kind}`,
  )
const exports = (bytes: Uint8Array): string[] =>
  WebAssembly.Module.exports(new WebAssembly.Module(new Uint8Array(bytes))).map((e) => `${e.name}:${e.kind}`)

describe('memories', () => {
  it('become imports behind the own ones, so that their indexes stay', async () => {
    const { full, lean, meta } = rewriteModule(
      await wat(`(module
        (import "env" "f" (func))
        (import "env" "shared" (memory 1))
        (memory 2 5) (memory 3)
        (func (export "sizes") (result i32 i32 i32) (memory.size 0) (memory.size 1) (memory.size 2)))`),
    )
    const expected = ['env.f:function', 'env.shared:memory', '$thaw.m0:memory', '$thaw.m1:memory']
    expect(imports(full)).toEqual(expected)
    expect(imports(lean)).toEqual(expected)
    expect(meta.memories).toEqual([
      { minPages: 2, maxPages: 5 },
      { minPages: 3, maxPages: undefined },
    ])
    const env = { f: () => {}, shared: new WebAssembly.Memory({ initial: 1 }) }
    expect((await host(lean, meta, { imports: { env } })).call('sizes')).toEqual([1, 2, 3])
  })

  it('may be smaller in lean than declared, not in full', async () => {
    const { full, lean } = rewriteModule(await wat('(module (memory 2))'))
    const $thaw = { m0: new WebAssembly.Memory({ initial: 0, maximum: 65_536 }) }
    expect(() => new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(lean)), { $thaw })).not.toThrow()
    expect(() => new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(full)), { $thaw })).toThrow(/m0/)
  })

  it('must have a maximum', async () => {
    const { lean } = rewriteModule(await wat('(module (memory 2))'))
    const $thaw = { m0: new WebAssembly.Memory({ initial: 2 }) }
    expect(() => new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(lean)), { $thaw })).toThrow(/maximum/)
  })

  it('are exported by the guest as before', async () => {
    const { lean, meta } = rewriteModule(await wat('(module (memory (export "memory") 1))'))
    const live = await host(lean, meta)
    expect(live.exports.memory).toBe(live.memories[0])
  })
})

describe('globals and tables', () => {
  it('that can change are exported under private names, by index', async () => {
    const { full, lean, meta } = rewriteModule(
      await wat(`(module
        (import "env" "g" (global i32))
        (import "env" "t" (table 1 funcref))
        (global i32 (i32.const 1))
        (global (mut i32) (i32.const 2))
        (global (mut i64) (i64.const 3))
        (global (mut f32) (f32.const 4))
        (global (mut f64) (f64.const 5))
        (table 6 funcref) (table 7 9 externref))`),
    )
    expect(meta.globals).toEqual([
      { name: '$g2', type: 'i32' },
      { name: '$g3', type: 'i64' },
      { name: '$g4', type: 'f32' },
      { name: '$g5', type: 'f64' },
    ])
    expect(meta.tables).toEqual([
      { name: '$t1', minElements: 6 },
      { name: '$t2', minElements: 7 },
    ])
    const names = ['$t1:table', '$t2:table', '$g2:global', '$g3:global', '$g4:global', '$g5:global']
    expect(exports(full)).toEqual(names)
    expect(exports(lean)).toEqual(names)
  })

  it('begin with their values in full and with zero in lean', async () => {
    const { full, lean, meta } = rewriteModule(
      await wat(`(module
        (import "env" "base" (global $base i32))
        (global (mut i32) (i32.add (global.get $base) (i32.const 40)))
        (global (mut i64) (i64.const -3))
        (global (mut f32) (f32.const 1.5))
        (global (mut f64) (f64.const -0.5)))`),
    )
    const values = async (bytes: Uint8Array): Promise<unknown[]> => {
      const live = await host(bytes, meta, { imports: { env: { base: 2 } } })
      return meta.globals.map(({ name }) => live.global(name).value)
    }
    expect(await values(full)).toEqual([42, -3n, 1.5, -0.5])
    expect(await values(lean)).toEqual([0, 0n, 0, 0])
  })

  it('that cannot change stay as they are', async () => {
    const { lean, meta } = rewriteModule(
      await wat(`(module (global $c i64 (i64.const 77)) (func (export "c") (result i64) (global.get $c)))`),
    )
    expect((await host(lean, meta)).call('c')).toBe(77n)
  })

  it('are restored by writing to them', async () => {
    const { full, lean, meta } = rewriteModule(
      await wat(`(module
        (global $n (mut i32) (i32.const 100))
        (func (export "next") (result i32)
          (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))`),
    )
    const captured = await host(full, meta)
    captured.call('next')
    const restored = await host(lean, meta)
    transplant(captured, restored, meta)
    expect(restored.call('next')).toBe(102)
    transplant(captured, restored, meta)
    expect(restored.call('next')).toBe(102)
  })

  it('keep their element segments in lean', async () => {
    const { lean, meta } = rewriteModule(
      await wat(`(module
        (type $t (func (result i32)))
        (table 3 funcref) (elem (i32.const 1) $f) (func $f (result i32) (i32.const 9))
        (func (export "go") (result i32) (call_indirect (type $t) (i32.const 1))))`),
    )
    expect((await host(lean, meta)).call('go')).toBe(9)
  })

  it.each([
    ['table.set', '(table.set 0 (i32.const 0) (ref.null func))', true],
    ['table.grow', '(drop (table.grow 0 (ref.null func) (i32.const 1)))', true],
    ['table.fill', '(table.fill 0 (i32.const 0) (ref.null func) (i32.const 1))', true],
    ['table.copy', '(table.copy 0 0 (i32.const 0) (i32.const 0) (i32.const 0))', true],
    ['table.init', '(table.init 0 0 (i32.const 0) (i32.const 0) (i32.const 0))', true],
    ['table.get', '(drop (table.get 0 (i32.const 0)))', false],
  ])('meta tells whether code can change a table: %s', async (_name, code, expected) => {
    const { meta } = rewriteModule(await wat(`(module (table 1 funcref) (elem func) (func ${code}))`))
    expect(meta.mutatesTables).toBe(expected)
  })
})

describe('data and start', () => {
  const source = `(module
    (import "env" "log" (func $log (param i32)))
    (memory 1)
    (global $boots (mut i32) (i32.const 0))
    (data (i32.const 8) "\\2a") (data (i32.const 16) "\\07")
    (func $boot (global.set $boots (i32.add (global.get $boots) (i32.const 1))) (call $log (global.get $boots)))
    (start $boot)
    (func (export "sum") (result i32)
      (i32.add (i32.add (i32.load (i32.const 8)) (i32.load (i32.const 16))) (global.get $boots))))`

  it('act in full only', async () => {
    const { full, lean, meta } = rewriteModule(await wat(source))
    const log: number[] = []
    const env = { log: (value: number) => log.push(value) }
    expect((await host(full, meta, { imports: { env } })).call('sum')).toBe(50)
    expect(log).toEqual([1])
    expect((await host(lean, meta, { imports: { env } })).call('sum')).toBe(0)
    expect(log).toEqual([1])
  })

  it('give the same result when what full made of them is mapped into lean', async () => {
    const { full, lean, meta } = rewriteModule(await wat(source))
    const env = { log: () => {} }
    const restored = await host(lean, meta, { imports: { env } })
    transplant(await host(full, meta, { imports: { env } }), restored, meta)
    expect(restored.call('sum')).toBe(50)
  })

  it('leave no section behind when no instruction reads a segment', async () => {
    const { lean } = rewriteModule(
      await wat(`(module (memory 1) (data (i32.const 0) "active") (data "passive") (func (data.drop 1)))`),
    )
    const plain = rewriteModule(await wat('(module (memory 1) (func))')).lean
    expect(lean).toEqual(plain)
  })
})

describe('passive segments', () => {
  const source = `(module
    (memory 1)
    (data (i32.const 0) "zz") (data "unread") (data "ab") (data "behind the last read")
    (func (export "init") (param i32) (memory.init 2 (i32.const 100) (i32.const 0) (local.get 0)))
    (func (export "initActive") (param i32) (memory.init 0 (i32.const 100) (i32.const 0) (local.get 0)))
    (func (export "drop") (data.drop 2))
    (func (export "read") (result i32) (i32.load16_u (i32.const 100))))`

  it('that code reads stay, at their index', async () => {
    const { lean, meta } = rewriteModule(await wat(source))
    const live = await host(lean, meta)
    live.call('init', 2)
    expect(live.call('read')).toBe(0x6261)
    expect(() => live.call('init', 3)).toThrow(/out of bounds/)
  })

  it('that code does not read go with their bytes', async () => {
    const text = Buffer.from(rewriteModule(await wat(source)).lean).toString('latin1')
    expect(text).not.toMatch(/zz|unread|behind/)
  })

  it('behind the last that code reads leave no trace, not even their number', async () => {
    const shorter = source.replace('(data "behind the last read")', '')
    expect(shorter).not.toBe(source)
    expect(rewriteModule(await wat(shorter)).lean).toEqual(rewriteModule(await wat(source)).lean)
  })

  it('that were active are empty, as after instantiation', async () => {
    const { lean, meta } = rewriteModule(await wat(source))
    const live = await host(lean, meta)
    live.call('initActive', 0)
    expect(() => live.call('initActive', 1)).toThrow(/out of bounds/)
  })

  it('cannot be dropped in lean: that would be state no snapshot holds', async () => {
    const { full, lean, meta } = rewriteModule(await wat(source))
    const original = await host(full, meta)
    original.call('drop')
    expect(() => original.call('init', 2)).toThrow(/out of bounds/)
    const live = await host(lean, meta)
    live.call('drop')
    live.call('init', 2)
    expect(live.call('read')).toBe(0x6261)
  })

  it('of elements cannot be dropped in lean either', async () => {
    const { lean, meta } = rewriteModule(
      await wat(`(module
        (table 1 funcref) (elem func $f) (func $f)
        (func (export "go") (result i32)
          (elem.drop 0) (table.init 0 (i32.const 0) (i32.const 0) (i32.const 1))
          (ref.is_null (table.get 0 (i32.const 0)))))`),
    )
    expect((await host(lean, meta)).call('go')).toBe(0)
  })
})

describe('custom sections', () => {
  it('are dropped', async () => {
    const { full, lean } = rewriteModule(await wat('(module $named (@custom "extra" "secret") (func $also-named))'))
    for (const output of [full, lean]) {
      const text = Buffer.from(output).toString('latin1')
      expect(text).not.toMatch(/named|secret/)
    }
  })
})
