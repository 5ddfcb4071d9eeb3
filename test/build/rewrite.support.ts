/** Instantiates rewritten modules the way the host does: memories, epoch and hooks from outside. */
import { parse } from '@bytecodealliance/jco'

import type { ModuleMeta } from '../../src/instance/plan.ts'
import { HOOK_SLOTS } from '../../src/build/rewrite/hooks.ts'

export async function wat(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await parse(text))
}

/** A core function that calls `hook`: a table takes no plain JavaScript function. */
async function coreFunction(signature: string, hook: (value: number) => number | void): Promise<unknown> {
  const bytes = await wat(`(module (import "h" "h" (func $h ${signature})) (export "h" (func $h)))`)
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: { h: hook } }).exports.h
}

export interface HostOptions {
  imports?: WebAssembly.Imports
  checkpoint?: () => void
  growMemory?: (deltaPages: number) => number
  growTable?: (deltaElements: number) => number
}

export interface Host {
  exports: Record<string, WebAssembly.ExportValue>
  memories: WebAssembly.Memory[]
  epoch: Int32Array
  call: (name: string, ...args: unknown[]) => unknown
  global: (name: string) => WebAssembly.Global
  table: (name: string) => WebAssembly.Table
}

/** One rewritten module, live. A hook not given passes everything. */
export async function host(bytes: Uint8Array, meta: ModuleMeta, options: HostOptions = {}): Promise<Host> {
  const epochMemory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
  const memories = meta.memories.map(({ minPages }) => new WebAssembly.Memory({ initial: minPages, maximum: 16 }))
  const own: Record<string, WebAssembly.Memory> = { epoch: epochMemory }
  for (const [index, memory] of memories.entries()) own[`m${index}`] = memory
  const module = new WebAssembly.Module(new Uint8Array(bytes))
  const { exports } = new WebAssembly.Instance(module, { ...options.imports, $thaw: own })
  const call = (name: string, ...args: unknown[]): unknown => {
    const called = exports[name]
    if (typeof called !== 'function') throw new TypeError(`no function ${name}`)
    return called(...args)
  }
  const global = (name: string): WebAssembly.Global => {
    const found = exports[name]
    if (!(found instanceof WebAssembly.Global)) throw new TypeError(`no global ${name}`)
    return found
  }
  const table = (name: string): WebAssembly.Table => {
    const found = exports[name]
    if (!(found instanceof WebAssembly.Table)) throw new TypeError(`no table ${name}`)
    return found
  }
  if (exports.$x !== undefined) {
    const grow = '(param i32) (result i32)'
    const hooks = table('$x')
    hooks.set(HOOK_SLOTS.checkpoint, await coreFunction('', () => options.checkpoint?.()))
    hooks.set(HOOK_SLOTS.growMemory, await coreFunction(grow, options.growMemory ?? ((delta) => delta)))
    hooks.set(HOOK_SLOTS.growTable, await coreFunction(grow, options.growTable ?? ((delta) => delta)))
  }
  return { exports, memories, epoch: new Int32Array(epochMemory.buffer), call, global, table }
}

/** What capture and restore do, in short: memory contents and globals of one instance into another. */
export function transplant(from: Host, to: Host, meta: ModuleMeta): void {
  for (const [index, memory] of from.memories.entries()) {
    const target = to.memories[index]
    if (target === undefined) throw new Error(`no memory ${index}`)
    const missingPages = (memory.buffer.byteLength - target.buffer.byteLength) / 65_536
    if (missingPages > 0) target.grow(missingPages)
    new Uint8Array(target.buffer).set(new Uint8Array(memory.buffer))
  }
  for (const { name } of meta.globals) to.global(name).value = from.global(name).value
}
