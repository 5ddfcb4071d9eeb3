/**
 * Runs a component's init once and takes what it left: memories, mutable globals, open handles. In the builder process
 * only, under a host that has no environment and no network and notes what init reads that will not hold at run time.
 */
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import { link, type ImportHost, type Linked, type LinkOptions } from '../instance/link.ts'
import type { EngineManifest, ModuleMeta } from '../instance/plan.ts'
import { globalText } from '../instance/values.ts'
import type { Engine } from '../instance/engine.ts'
import { WASM_PAGE_BYTES, type SnapshotGlobal, type SnapshotHandle } from '../snapshot/format.ts'
import { GuestExit } from '../wasi/errors.ts'
import type { Directory } from '../wasi/fs/nodes.ts'
import { WasiHost } from '../wasi/host.ts'

export interface Captured {
  memories: { step: number; index: number; bytes: Uint8Array }[]
  globals: SnapshotGlobal[]
  handles: SnapshotHandle[]
  /** Names of every table's entries after init, in the order of the linked tables. */
  tables: string[][]
  initMs: number
  /** What init wrote to stdout and stderr. */
  output: string
  warnings: string[]
}

export interface CaptureOptions {
  hash: string
  manifest: EngineManifest
  /** The same modules in their `full` form: with data and start function, without checkpoints and hooks. */
  full: Uint8Array[]
  limits: Limits
  /** Memories are rounded up to a multiple of this many pages, so that functions of one engine have the same sizes. */
  roundToPages: number
  /** /var/task. */
  package?: Directory | undefined
  /** What is called in the guest once init is over, before its state is taken. */
  evaluation?: Evaluation
}

export interface Evaluation {
  taskReturn: LinkOptions['taskReturn']
  run(linked: Linked): Promise<void>
}

/** Errors: `Build`: init trapped, exited, or left what a snapshot cannot hold. */
export async function capture(options: CaptureOptions): Promise<Captured> {
  const { manifest } = options
  const modules = await Promise.all(
    options.full.map(async (bytes, index) => {
      const meta = manifest.modules[index]?.meta
      if (meta === undefined) throw new ThawError('Build', `No meta for module ${index}`)
      // In the full form nothing is hooked: growth is bounded by the builder's own memory limit.
      return {
        module: await WebAssembly.compile(new Uint8Array(bytes)),
        meta: { ...meta, hooks: false, checkpoints: 0 },
      }
    }),
  )
  const engine: Engine = { hash: options.hash, modules, plan: manifest.plan }
  const host = new WasiHost(options.limits)
  const output: string[] = []
  const decoder = new TextDecoder()
  host.begin({
    environment: {},
    write: (_stream, bytes) => {
      if (output.length < 1_000) output.push(decoder.decode(bytes))
    },
    signal: undefined,
    files: { temporaryBytes: 0, package: options.package },
  })
  const metas = manifest.plan.steps.map((step) => manifest.modules[step.module]?.meta)
  const began = performance.now()
  const linked = run(engine, host, output, options.evaluation?.taskReturn)
  await options.evaluation?.run(linked)
  const initMs = performance.now() - began
  const handles = host.snapshotHandles()
  const warnings = host.captureWarnings()
  host.end()
  return {
    memories: linked.memories.map(({ step, index, memory }) => ({
      step,
      index,
      bytes: rounded(memory, options.roundToPages, metas[step]?.memories[index]?.maxPages),
    })),
    globals: linked.globals.map(({ step, name, type, global }) => {
      const value: unknown = global.value
      if (typeof value !== 'number' && typeof value !== 'bigint')
        throw new ThawError('Build', `Global ${name} holds no number`)
      return { step, name, type, value: globalText(type, value) }
    }),
    handles,
    tables: linked.tables.map(({ table }) => tableNames(table)),
    initMs,
    output: output.join(''),
    warnings,
  }
}

/**
 * Init runs outside of `WebAssembly.promising`, where merely entering a suspending import traps. The streams that there
 * are then, standard ones and files, never wait.
 */
function withoutSuspending(host: WasiHost): ImportHost {
  return {
    lower: (iface, func, options) => {
      const lowered = host.lower(iface, func, options)
      return iface === 'wasi:io/streams' ? { ...lowered, mayBlock: false } : lowered
    },
    lowerAsync: (iface, func, options) => host.lowerAsync(iface, func, options),
    asyncBuiltin: (builtin, options) => host.asyncBuiltin(builtin, options),
    drop: (iface, resource) => host.drop(iface, resource),
  }
}

function run(engine: Engine, host: WasiHost, output: string[], taskReturn: LinkOptions['taskReturn'] = noTask): Linked {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
  const metas = engine.plan.steps.map((step) => engine.modules[step.module]?.meta)
  try {
    return link({
      engine,
      epoch: memory,
      initialPages: (step, index) => initialPages(metas[step], index),
      host: withoutSuspending(host),
      hooks: {
        check: () => 0,
        pause: () => Promise.resolve(),
        suspended: (wait) => wait,
        enterAllocator: () => false,
        leaveAllocator: () => {},
        growMemory: (delta) => delta,
        growTable: (delta) => delta,
      },
      taskReturn,
    })
  } catch (cause) {
    if (cause instanceof ThawError) throw cause
    const printed = output.join('').trim().slice(-2_000)
    const said = printed === '' ? '' : `; it printed: ${printed}`
    if (cause instanceof GuestExit) throw new ThawError('Build', `The component exited during init${said}`, { cause })
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ThawError('Build', `The component failed during init: ${reason}${said}`, { cause })
  }
}

function noTask(): never {
  throw new ThawError('Build', 'The component called task.return during init')
}

function initialPages(meta: ModuleMeta | undefined, index: number): number {
  return meta?.memories[index]?.minPages ?? 0
}

function rounded(memory: WebAssembly.Memory, roundToPages: number, maxPages: number | undefined): Uint8Array {
  const pages = memory.buffer.byteLength / WASM_PAGE_BYTES
  const wanted = Math.min(Math.ceil(pages / roundToPages) * roundToPages, maxPages ?? 65_536)
  if (wanted > pages) memory.grow(wanted - pages)
  return new Uint8Array(memory.buffer)
}

/** What a table holds, by the functions' names: their indexes in their modules (JS API, "name of the WebAssembly function"). */
export function tableNames(table: WebAssembly.Table): string[] {
  return Array.from({ length: table.length }, (_, slot) => {
    const entry: unknown = table.get(slot)
    return typeof entry === 'function' ? entry.name : String(entry)
  })
}
