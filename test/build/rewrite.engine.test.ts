/** The engine is the code: what differs from function to function stays out of it. */
import { readFile } from 'node:fs/promises'

import * as asc from 'assemblyscript/asc'
import { describe, expect, it } from 'vitest'

import { rewriteModule } from '../../src/build/rewrite/module.ts'
import { host, transplant, wat } from './rewrite.support.ts'

interface Variation {
  pages?: number
  maxPages?: string
  data?: string
  counter?: number
  ratio?: string
  custom?: string
  step?: number
}

const variant = ({ pages = 1, maxPages = '', data = '', counter = 0, ratio = '0', custom = '', step = 1 }: Variation) =>
  wat(`(module
    (memory (export "memory") ${pages} ${maxPages})
    (global $counter (mut i32) (i32.const ${counter}))
    (global $ratio (mut f64) (f64.const ${ratio}))
    (table 1 funcref) (elem (i32.const 0) $next)
    ${data} ${custom}
    (func $next (export "next") (result i32)
      (loop (global.set $counter (i32.add (global.get $counter) (i32.const ${step}))))
      (i32.add (global.get $counter) (i32.load8_u (i32.const 8)))))`)

describe('lean', () => {
  it.each<[string, Variation]>([
    ['data', { data: '(data (i32.const 8) "hello")' }],
    ['the number of data segments', { data: '(data (i32.const 8) "a") (data (i32.const 9) "b") (data "c")' }],
    ['the minimum of a memory', { pages: 23 }],
    ['the maximum of a memory', { maxPages: '64' }],
    ['the value of a global', { counter: 77 }],
    ['the value of a float', { ratio: '-nan:0x4000000000001' }],
    ['names and custom sections', { custom: '(@custom "producers" "somebody")' }],
  ])('does not depend on %s', async (_name, variation) => {
    const plain = rewriteModule(await variant({})).lean
    const varied = rewriteModule(await variant(variation)).lean
    expect(Buffer.from(varied).equals(plain)).toBe(true)
  })

  it('depends on the code', async () => {
    const plain = rewriteModule(await variant({})).lean
    expect(Buffer.from(rewriteModule(await variant({ step: 2 })).lean).equals(plain)).toBe(false)
  })

  it('of one function runs the snapshot of another', async () => {
    const one = rewriteModule(await variant({ counter: 10 }))
    const other = rewriteModule(await variant({ counter: 500, pages: 3, data: '(data (i32.const 8) "\\09")' }))
    const live = await host(one.lean, one.meta)
    transplant(await host(other.full, other.meta), live, other.meta)
    expect(live.call('next')).toBe(510)
    transplant(await host(one.full, one.meta), live, one.meta)
    expect(live.call('next')).toBe(11)
  })
})

describe('rewriting', () => {
  it('neither changes its input nor keeps it', async () => {
    const input = await variant({ data: '(data (i32.const 8) "hello")' })
    const before = new Uint8Array(input)
    const { full } = rewriteModule(input)
    expect(input).toEqual(before)
    const copy = new Uint8Array(full)
    input.fill(0)
    expect(full).toEqual(copy)
  })

  it('takes a view into a larger buffer', async () => {
    const input = await variant({})
    const larger = new Uint8Array(input.length + 64)
    larger.set(input, 32)
    expect(rewriteModule(larger.subarray(32, 32 + input.length))).toEqual(rewriteModule(input))
  })

  it('of a large real module succeeds', async () => {
    // jco's own binding generator: Rust, 3.5 MB, some 4,000 loops.
    const vendor = new URL('../vendor/', import.meta.resolve('@bytecodealliance/jco-transpile'))
    const bytes = await readFile(new URL('js-component-bindgen-component.core.wasm', vendor))
    const { lean, full, meta } = rewriteModule(bytes)
    expect(meta.checkpoints).toBeGreaterThan(1_000)
    expect(full.length).toBeLessThan(bytes.length)
    expect(lean.length).toBeLessThan(full.length)
  })
})

describe('an AssemblyScript module', () => {
  const source = `
    let calls: i32 = 40
    const words = ["thaw", "freeze"]
    const seen = new Map<i32, string>()
    export function remember(n: i32): i32 {
      calls++
      for (let i = 0; i < n; i++) seen.set(i, words[i % 2] + i.toString())
      return seen.size
    }
    export function digest(): i32 {
      let sum = calls
      const keys = seen.keys()
      for (let i = 0; i < keys.length; i++) {
        const word = seen.get(keys[i])
        for (let j = 0; j < word.length; j++) sum = sum * 31 + word.charCodeAt(j)
      }
      return sum
    }
    export function spin(): void { while (true) { calls++ } }`

  async function compile(): Promise<Uint8Array<ArrayBuffer>> {
    let wasm = new Uint8Array()
    const { error } = await asc.main(['guest.ts', '-o', 'guest.wasm', '--runtime', 'incremental', '-O2'], {
      readFile: (name) => (name === 'guest.ts' ? source : null),
      writeFile: (_name, contents) => {
        if (typeof contents !== 'string') wasm = new Uint8Array(contents)
      },
      listFiles: () => [],
    })
    if (error) throw error
    return wasm
  }

  const env = { abort: () => {} }

  it('behaves as the original, from the start and from a snapshot', async () => {
    const wasm = await compile()
    const { lean, full, meta } = rewriteModule(wasm)
    const { exports: original } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env })
    const { remember, digest } = original
    if (typeof remember !== 'function' || typeof digest !== 'function') throw new Error('no functions')

    const captured = await host(full, meta, { imports: { env } })
    expect(captured.call('remember', 2_000)).toBe(remember(2_000))
    const expected: unknown = digest()
    expect(captured.call('digest')).toBe(expected)

    const restored = await host(lean, meta, { imports: { env } })
    transplant(captured, restored, meta)
    expect(restored.call('digest')).toBe(expected)
    expect(restored.call('remember', 3_000)).toBe(remember(3_000))
    expect(restored.call('digest')).toBe(digest())
  })

  it('is ended in an endless loop, and serves again after its state is put back', async () => {
    const { lean, full, meta } = rewriteModule(await compile())
    const captured = await host(full, meta, { imports: { env } })
    const live = await host(lean, meta, {
      imports: { env },
      checkpoint: () => {
        throw new Error('out of time')
      },
    })
    transplant(captured, live, meta)
    live.epoch[0] = 5
    live.global('$dl').value = 5
    expect(() => live.call('spin')).toThrow('out of time')
    transplant(captured, live, meta)
    live.global('$dl').value = 6
    expect(live.call('digest')).toBe(captured.call('digest'))
  })
})
