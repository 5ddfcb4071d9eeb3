/**
 * Builds one live instance of an engine: a Wasm instance a step of the plan, wired as the plan says. The glue's work
 * in fewer objects: what state there is beside the Wasm instances is listed in `Linked` and brought back by `reset`.
 */
import { ThawError } from '../errors.ts'
import { GuestTrap } from '../wasi/errors.ts'
import type { LowerOptions } from '../wasi/abi/context.ts'
import type { CoreFunction } from '../wasi/abi/function.ts'
import type { Engine } from './engine.ts'
import { hookFunctions, type HookTarget } from './hooks.ts'
import type { AsyncBuiltin } from '../wasi/async/names.ts'
import type { CanonOptions, ImportRef } from './plan.ts'

/** What the linker needs of the WASI host (`wasi/host.ts`), so that tests and capture may bring their own. */
export interface ImportHost {
  lower(iface: string, func: string, options: LowerOptions): { fn: CoreFunction; mayBlock: boolean }
  lowerAsync(iface: string, func: string, options: LowerOptions): CoreFunction
  asyncBuiltin(builtin: AsyncBuiltin, options: LowerOptions): { fn: CoreFunction; mayBlock: boolean }
  drop(iface: string, resource: string): (handle: number) => void
}

export interface LinkOptions {
  engine: Engine
  /** Imported by every module with checkpoints as `$thaw` `epoch`. */
  epoch: WebAssembly.Memory
  /** Pages each own memory starts with, by step and index. */
  initialPages(step: number, index: number): number
  host: ImportHost
  hooks: HookTarget
  /** Receives the flat values of `task.return`. */
  taskReturn(name: string, options: LowerOptions, flat: (number | bigint)[]): void
}

/** Everything of an instance that can change, besides the WASI host's tables. */
export interface Linked {
  readonly exports: readonly WebAssembly.Exports[]
  readonly memories: readonly { step: number; index: number; memory: WebAssembly.Memory }[]
  readonly globals: readonly {
    step: number
    name: string
    type: 'i32' | 'i64' | 'f32' | 'f64'
    global: WebAssembly.Global
  }[]
  readonly tables: readonly { step: number; name: string; table: WebAssembly.Table; mutable: boolean }[]
  /** The deadline words of the modules with checkpoints. */
  readonly deadlines: readonly WebAssembly.Global[]
  readonly flags: readonly WebAssembly.Global[]
  /** `context.get`/`set` storage of the running task, one frame a synchronous call between components. */
  readonly contexts: number[][]
  /** Canonical options by which the host reads and writes the guest's memory. */
  canon(options: CanonOptions): LowerOptions
}

/** The engine's modules must be in their lean form. Synchronous: nothing is compiled here. */
export function link(options: LinkOptions): Linked {
  return new Linker(options).link()
}

class Linker {
  readonly #options: LinkOptions
  readonly #exports: WebAssembly.Exports[] = []
  readonly #memories: { step: number; index: number; memory: WebAssembly.Memory }[] = []
  readonly #globals: { step: number; name: string; type: 'i32' | 'i64' | 'f32' | 'f64'; global: WebAssembly.Global }[] =
    []
  readonly #tables: { step: number; name: string; table: WebAssembly.Table; mutable: boolean }[] = []
  readonly #deadlines: WebAssembly.Global[] = []
  readonly #flags = new Map<number, WebAssembly.Global>()
  readonly #contexts: number[][] = [[0, 0]]
  readonly #reallocs = new Map<number, Realloc>()
  readonly #lowered = new Map<string, WebAssembly.ImportValue>()
  readonly #canons = new Map<string, LowerOptions>()
  #mutatesTables = false
  readonly #hookFunctions: readonly [unknown, unknown, unknown]

  constructor(options: LinkOptions) {
    this.#options = options
    this.#hookFunctions = hookFunctions(options.hooks)
  }

  link(): Linked {
    const { plan, modules } = this.#options.engine
    // A table may be written by any module that imports it, not just by the one that defines it.
    this.#mutatesTables = modules.some(({ meta }) => meta.mutatesTables)
    for (const [step, { module, imports }] of plan.steps.entries()) {
      const compiled = modules[module]
      if (compiled === undefined)
        throw new ThawError('Artifact', `Engine ${this.#options.engine.hash}: no module ${module}`)
      const provided: WebAssembly.Imports = {}
      for (const [namespace, refs] of Object.entries(imports)) {
        const values: WebAssembly.ModuleImports = {}
        for (const [name, ref] of Object.entries(refs)) values[name] = this.#import(ref)
        provided[namespace] = values
      }
      provided.$thaw = this.#ownImports(step, module)
      const instance = new WebAssembly.Instance(compiled.module, provided)
      this.#exports.push(instance.exports)
      this.#collect(step, module, instance.exports)
    }
    return {
      exports: this.#exports,
      memories: this.#memories,
      globals: this.#globals,
      tables: this.#tables,
      deadlines: this.#deadlines,
      flags: [...this.#flags.values()],
      contexts: this.#contexts,
      canon: (options) => this.#canon(options),
    }
  }

  #ownImports(step: number, module: number): WebAssembly.ModuleImports {
    const own: WebAssembly.ModuleImports = { epoch: this.#options.epoch }
    const memories = this.#options.engine.modules[module]?.meta.memories ?? []
    for (const [index, { maxPages }] of memories.entries()) {
      const initial = this.#options.initialPages(step, index)
      // The module's own maximum is kept: `memory.grow` past it must fail. What the function may have, the hook decides.
      const memory = new WebAssembly.Memory({ initial, maximum: Math.max(initial, maxPages ?? 65_536) })
      own[`m${index}`] = memory
      this.#memories.push({ step, index, memory })
    }
    return own
  }

  #collect(step: number, module: number, exports: WebAssembly.Exports): void {
    const meta = this.#options.engine.modules[module]?.meta
    if (meta === undefined) return
    for (const { name, type } of meta.globals) {
      const global = exports[name]
      if (global instanceof WebAssembly.Global) this.#globals.push({ step, name, type, global })
    }
    for (const { name } of meta.tables) {
      const table = exports[name]
      if (table instanceof WebAssembly.Table) this.#tables.push({ step, name, table, mutable: this.#mutatesTables })
    }
    if (exports.$dl instanceof WebAssembly.Global) this.#deadlines.push(exports.$dl)
    if (exports.$x instanceof WebAssembly.Table) {
      for (const [slot, hook] of this.#hookFunctions.entries()) exports.$x.set(slot, hook)
    }
  }

  #import(ref: ImportRef): WebAssembly.ImportValue {
    switch (ref.kind) {
      case 'export': {
        const value = this.#exports[ref.step]?.[ref.name]
        if (value === undefined) throw new ThawError('Artifact', `Engine: step ${ref.step} exports no ${ref.name}`)
        return value
      }
      case 'lower':
        return this.#once(ref, () =>
          this.#suspending(this.#options.host.lower(ref.iface, ref.func, this.#canon(ref.options))),
        )
      case 'lower-async':
        return this.#once(ref, () => this.#options.host.lowerAsync(ref.iface, ref.func, this.#canon(ref.options)))
      case 'async':
        return this.#suspending(this.#options.host.asyncBuiltin(ref.builtin, this.#canon(ref.options)))
      case 'drop':
        return this.#options.host.drop(ref.iface, ref.resource)
      case 'task-return':
        return (...flat: (number | bigint)[]) => {
          this.#options.taskReturn(ref.export, this.#canon(ref.options), flat)
        }
      case 'context-get':
        return () => this.#contexts.at(-1)?.[ref.slot] ?? 0
      case 'context-set':
        return (value: number) => {
          const frame = this.#contexts.at(-1)
          if (frame !== undefined) frame[ref.slot] = value
        }
      case 'instance-flags': {
        const flags = this.#flags.get(ref.instance) ?? new WebAssembly.Global({ value: 'i32', mutable: true }, 1)
        this.#flags.set(ref.instance, flags)
        return flags
      }
      case 'sync-call-enter':
        return () => {
          // Adapters nest as deep as the component graph; a guest cannot make it deeper without a stack overflow.
          this.#contexts.push([0, 0])
        }
      case 'sync-call-exit':
        return () => {
          if (this.#contexts.length > 1) this.#contexts.pop()
        }
      case 'trap':
        return () => {
          throw new GuestTrap(ref.message)
        }
      case 'copy':
        return (from: number, length: number, to: number) => {
          const source = new Uint8Array(this.#memoryAt(ref.from).buffer)
          const target = new Uint8Array(this.#memoryAt(ref.to).buffer)
          const [start, at, bytes] = [from >>> 0, to >>> 0, length >>> 0]
          if (start + bytes > source.length || at + bytes > target.length)
            throw new GuestTrap('string content out-of-bounds')
          target.set(source.subarray(start, start + bytes), at)
        }
      default:
        return unreachable(ref)
    }
  }

  /** One function for all modules that import it under the same options: fewer objects an instance. */
  #once(
    ref: ImportRef & { kind: 'lower' | 'lower-async' },
    make: () => WebAssembly.ImportValue,
  ): WebAssembly.ImportValue {
    const { kind, iface, func, options } = ref
    const key = `${kind}#${iface}#${func}#${options.memory}#${options.realloc}#${options.encoding}`
    const value = this.#lowered.get(key) ?? make()
    this.#lowered.set(key, value)
    return value
  }

  #suspending({ fn, mayBlock }: { fn: CoreFunction; mayBlock: boolean }): WebAssembly.ImportValue {
    const { hooks } = this.#options
    if (!mayBlock) return fn
    return new WebAssembly.Suspending((...args: (number | bigint)[]) => {
      const result = fn(...args)
      return result instanceof Promise ? hooks.suspended(result) : result
    })
  }

  /** The same object for the same options: the host keeps a view of the memory for each. */
  #canon(options: CanonOptions): LowerOptions {
    const key = `${options.memory} ${options.realloc} ${options.encoding}`
    const known = this.#canons.get(key)
    if (known !== undefined) return known
    const canon: LowerOptions = {
      memory: () => this.#memoryAt(options.memory),
      realloc: () => this.#realloc(options.realloc),
      encoding: options.encoding,
    }
    this.#canons.set(key, canon)
    return canon
  }

  /** The guest's allocator as host calls use it, from within the guest. */
  #realloc(index: number | null): Realloc {
    const key = index ?? -1
    const known = this.#reallocs.get(key)
    if (known !== undefined) return known
    const core = coreRealloc(this.#at('reallocs', index))
    const { hooks } = this.#options
    const realloc: Realloc = (oldPtr, oldSize, align, newSize) => {
      const couldSuspend = hooks.enterAllocator()
      try {
        return core(oldPtr, oldSize, align, newSize)
      } finally {
        hooks.leaveAllocator(couldSuspend)
      }
    }
    this.#reallocs.set(key, realloc)
    return realloc
  }

  #memoryAt(index: number | null): WebAssembly.Memory {
    const memory = this.#at('memories', index)
    if (memory instanceof WebAssembly.Memory) return memory
    throw new GuestTrap('no memory in the canonical options')
  }

  #at(kind: 'memories' | 'reallocs', index: number | null): unknown {
    const slot = index === null ? undefined : this.#options.engine.plan[kind][index]
    return slot === undefined ? undefined : this.#exports[slot.step]?.[slot.name]
  }
}

export type Realloc = (oldPtr: number, oldSize: number, align: number, newSize: number) => number

export function coreRealloc(value: unknown): Realloc {
  if (!isRealloc(value)) throw new GuestTrap('no realloc in the canonical options')
  return value
}

/** The plan names it as the component's allocator; its result is checked by whoever uses it. */
function isRealloc(value: unknown): value is Realloc {
  return typeof value === 'function'
}

function unreachable(ref: never): never {
  throw new ThawError('Artifact', `Engine: unknown import ${JSON.stringify(ref)}`)
}
