import { describe, expect, it } from 'vitest'

import { rewriteModule } from '../../src/build/rewrite/module.ts'
import { host, wat } from './rewrite.support.ts'
import type { HostOptions } from './rewrite.support.ts'

const outOfTime = (): void => {
  throw new Error('out of time')
}

/** A guest whose deadline has passed before it starts. */
async function late(source: string, options: HostOptions = { checkpoint: outOfTime }) {
  const { lean, meta } = rewriteModule(await wat(source))
  const live = await host(lean, meta, options)
  live.epoch[0] = 10
  live.global('$dl').value = 10
  return { ...live, meta }
}

describe('checkpoints', () => {
  it('end an endless loop', async () => {
    const { call, meta } = await late('(module (func (export "spin") (loop (br 0))))')
    expect(() => call('spin')).toThrow('out of time')
    expect(meta.checkpoints).toBe(1)
  })

  it('let the loop run until the epoch reaches the deadline, and again once it is moved', async () => {
    const { lean, meta } = rewriteModule(
      await wat(`(module (import "env" "tick" (func $tick)) (func (export "spin") (loop (call $tick) (br 0))))`),
    )
    let ticks = 0
    const reached: number[] = []
    const env = {
      tick: () => {
        ticks += 1
        live.epoch[0] = ticks
      },
    }
    const live = await host(lean, meta, {
      imports: { env },
      checkpoint: () => {
        reached.push(ticks)
        if (reached.length === 3) outOfTime()
        live.global('$dl').value = ticks + 100
      },
    })
    live.global('$dl').value = 5
    expect(() => live.call('spin')).toThrow('out of time')
    expect(reached).toEqual([5, 105, 205])
  })

  it('hold when the epoch wraps around', async () => {
    const source = '(module (func (export "once") (loop)))'
    let hits = 0
    const { call, epoch, global } = await late(source, { checkpoint: () => void (hits += 1) })
    global('$dl').value = -0x8000_0000 + 5
    epoch[0] = 0x7fff_ffff
    call('once')
    expect(hits).toBe(0)
    epoch[0] = -0x8000_0000 + 5
    call('once')
    expect(hits).toBe(1)
  })

  it('do nothing before a deadline is set', async () => {
    const { lean, meta } = rewriteModule(await wat('(module (func (export "once") (loop)))'))
    expect(() => host(lean, meta, { checkpoint: outOfTime }).then((live) => live.call('once'))).not.toThrow()
  })

  it.each([
    ['return_call', '(module (func $f (export "spin") (return_call $f)))'],
    [
      'return_call_indirect',
      `(module (type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
        (func $f (export "spin") (return_call_indirect (type $t) (i32.const 0))))`,
    ],
    [
      'return_call_ref',
      `(module (type $t (func)) (elem declare func $f)
        (func $f (export "spin") (return_call_ref $t (ref.func $f))))`,
    ],
  ])('end a loop made of tail calls: %s', async (_name, source) => {
    const { call, meta } = await late(source)
    expect(() => call('spin')).toThrow('out of time')
    expect(meta.checkpoints).toBe(1)
  })

  it('leave the arguments of a tail call alone', async () => {
    const { call } = await late(
      `(module (func $sum (export "sum") (param i32 i64) (result i64)
        (if (result i64) (local.get 0)
          (then (return_call $sum (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 2))))
          (else (local.get 1)))))`,
      {},
    )
    expect(call('sum', 100_000, 0n)).toBe(200_000n)
  })

  it('leave the parameters of a loop alone', async () => {
    const { call } = await late(
      `(module (func (export "pair") (result i32 i64)
        (i32.const 3) (i64.const 4) (loop (param i32 i64) (result i32 i64))))`,
      {},
    )
    expect(call('pair')).toEqual([3, 4n])
  })

  it('are valid in code that cannot be reached', async () => {
    const { call, meta } = await late(
      `(module
        (memory 1) (table 1 funcref)
        (func $f (export "f") (result i32)
          (return (i32.const 5))
          (loop (result i32) (br 0))
          (drop (memory.grow)) (drop (table.grow 0)) (return_call $f)))`,
    )
    expect(call('f')).toBe(5)
    expect(meta.checkpoints).toBe(2)
  })

  it('stand in every loop of a nest', async () => {
    let hits = 0
    const { call, meta } = await late('(module (func (export "spin") (loop (loop (loop (br 0))))))', {
      checkpoint: () => {
        hits += 1
        if (hits === 50) outOfTime()
      },
    })
    expect(meta.checkpoints).toBe(3)
    expect(() => call('spin')).toThrow('out of time')
  })

  it('read the epoch behind all memories, and the tables and globals behind the own ones', async () => {
    const { call } = await late(
      `(module
        (memory 1) (memory 1) (table 1 funcref) (table 1 externref)
        (global (mut i32) (i32.const 1)) (global i64 (i64.const 1))
        (func (export "spin") (loop (br 0))))`,
    )
    expect(() => call('spin')).toThrow('out of time')
  })
})

describe('growth', () => {
  const growing = `(module
    (memory $a 1) (memory $b 1 16) (table $t 1 funcref) (table $u 2 externref)
    (func (export "growA") (param i32) (result i32) (memory.grow $a (local.get 0)))
    (func (export "growB") (param i32) (result i32) (memory.grow $b (local.get 0)))
    (func (export "growT") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))
    (func (export "growU") (param externref i32) (result i32) (table.grow $u (local.get 0) (local.get 1)))
    (func (export "last") (param i32) (result externref) (table.get $u (local.get 0)))
    (func (export "sizes") (result i32 i32 i32 i32)
      (memory.size $a) (memory.size $b) (table.size $t) (table.size $u)))`

  it('goes through when the host lets it', async () => {
    const { lean, meta } = rewriteModule(await wat(growing))
    const asked: number[] = []
    const pass = (delta: number): number => {
      asked.push(delta)
      return delta
    }
    const live = await host(lean, meta, { growMemory: pass, growTable: pass })
    const tag = {}
    expect(live.call('growA', 2)).toBe(1)
    expect(live.call('growB', 3)).toBe(1)
    expect(live.call('growT', 4)).toBe(1)
    expect(live.call('growU', tag, 5)).toBe(2)
    expect(live.call('last', 6)).toBe(tag)
    expect(live.call('sizes')).toEqual([3, 4, 5, 7])
    expect(asked).toEqual([2, 3, 4, 5])
  })

  it('gives the guest -1 when the host refuses', async () => {
    const { lean, meta } = rewriteModule(await wat(growing))
    const live = await host(lean, meta, { growMemory: () => -1, growTable: () => -1 })
    expect(live.call('growA', 1)).toBe(-1)
    expect(live.call('growB', 1)).toBe(-1)
    expect(live.call('growT', 1)).toBe(-1)
    expect(live.call('growU', null, 1)).toBe(-1)
    expect(live.call('sizes')).toEqual([1, 1, 1, 2])
  })

  it('tells memory from table', async () => {
    const { lean, meta } = rewriteModule(await wat(growing))
    const live = await host(lean, meta, { growMemory: () => -1 })
    expect(live.call('growA', 1)).toBe(-1)
    expect(live.call('growT', 1)).toBe(1)
  })

  it('alone needs no epoch and no deadline', async () => {
    const { lean, meta } = rewriteModule(await wat('(module (memory 1) (func (drop (memory.grow (i32.const 1)))))'))
    const module = new WebAssembly.Module(new Uint8Array(lean))
    expect(WebAssembly.Module.imports(module).map(({ name }) => name)).toEqual(['m0'])
    expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual(['$x'])
    expect(meta).toMatchObject({ checkpoints: 0, hooks: true })
  })

  it('of an imported memory is asked for as well', async () => {
    const { lean, meta } = rewriteModule(
      await wat(`(module (import "env" "memory" (memory 1))
        (func (export "grow") (result i32) (memory.grow (i32.const 1))))`),
    )
    const env = { memory: new WebAssembly.Memory({ initial: 1 }) }
    const live = await host(lean, meta, { imports: { env }, growMemory: () => -1 })
    expect(live.call('grow')).toBe(-1)
  })
})

describe('a module without loops, tail calls and growth', () => {
  it('gets no hooks', async () => {
    const { lean, meta } = rewriteModule(await wat('(module (func (export "f") (result i32) (i32.const 1)))'))
    const module = new WebAssembly.Module(new Uint8Array(lean))
    expect(WebAssembly.Module.imports(module)).toEqual([])
    expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual(['f'])
    expect(meta).toMatchObject({ checkpoints: 0, hooks: false })
  })
})

describe('full', () => {
  it('has no checkpoint and no hook', async () => {
    const { full, meta } = rewriteModule(
      await wat(`(module (memory 1) (func (export "grow") (result i32)
        (loop (result i32) (memory.grow (i32.const 1)))))`),
    )
    const module = new WebAssembly.Module(new Uint8Array(full))
    expect(WebAssembly.Module.imports(module).map(({ name }) => name)).toEqual(['m0'])
    expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual(['grow'])
    expect((await host(full, meta)).call('grow')).toBe(1)
  })
})
