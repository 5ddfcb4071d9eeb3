/**
 * An engine on disk: the core modules of a component, rewritten, and the plan by which they are linked.
 * `build/` writes it, `instance/` reads it. Its hash is the code identity that functions share.
 */
import type { AsyncBuiltin } from '../wasi/async/names.ts'

/** Where a rewritten module's own memories, globals and tables show up, and what its code may do. */
export interface ModuleMeta {
  /** Memories the module defined; now imported as `$thaw` `m0`, `m1`, ... in this order. */
  memories: { minPages: number; maxPages: number | undefined }[]
  /** Mutable globals the module defines; exported as `$g<index>`. */
  globals: { name: string; type: 'i32' | 'i64' | 'f32' | 'f64' }[]
  /** Tables the module defines; exported as `$t<index>`. */
  tables: { name: string; minElements: number }[]
  /** Whether any instruction can change a table after instantiation (table.set, grow, fill, copy, init). */
  mutatesTables: boolean
  /** Checkpoints inserted; with any, the module imports `$thaw` `epoch` and exports `$dl` and `$x`. */
  checkpoints: number
  /** Whether `$x` is exported: checkpoints, memory.grow or table.grow are routed through it. */
  hooks: boolean
}

export interface EngineModule {
  /** SHA-256 of the lean module's bytes, hex; also its file name in the artifact folder. */
  sha256: string
  meta: ModuleMeta
}

/** A core function's canonical options: which memory it reads, how it allocates. Indexes into `EnginePlan`. */
export interface CanonOptions {
  memory: number | null
  realloc: number | null
  encoding: 'utf8' | 'utf16' | 'latin1+utf16'
}

/** One import of a core module, as the linker is to provide it. Interfaces of WASI 0.3 end in `@0.3`. */
export type ImportRef =
  /** An export of an earlier step. */
  | { kind: 'export'; step: number; name: string }
  /** A host function, lowered: `wasi:cli/stdout`, `get-stdout`. */
  | { kind: 'lower'; iface: string; func: string; options: CanonOptions }
  /** The same, lowered asynchronously: the guest goes on while the call is under way. */
  | { kind: 'lower-async'; iface: string; func: string; options: CanonOptions }
  /** A built-in of the component model's concurrency. */
  | { kind: 'async'; builtin: AsyncBuiltin; options: CanonOptions }
  /** `resource.drop` of an imported resource: `wasi:io/streams`, `output-stream`. */
  | { kind: 'drop'; iface: string; resource: string }
  /** `task.return` of an export lifted asynchronously. */
  | { kind: 'task-return'; export: string; options: CanonOptions }
  | { kind: 'context-get'; slot: number }
  | { kind: 'context-set'; slot: number }
  /** May-enter / may-leave flags of a component instance: an i32 global that starts at 1. */
  | { kind: 'instance-flags'; instance: number }
  /** Between components composed in one: a synchronous call from one to the other. */
  | { kind: 'sync-call-enter' }
  | { kind: 'sync-call-exit' }
  | { kind: 'trap'; message: string }
  /** Copy bytes between two memories (utf8 to utf8). */
  | { kind: 'copy'; from: number; to: number }

export interface EngineStep {
  /** Index into `modules`. */
  module: number
  imports: Record<string, Record<string, ImportRef>>
}

/** What the component is called with: an event (`thaw:function`), or a request of `wasi:http` in one of its versions. */
export type EntryKind = 'event' | 'http-0.2' | 'http-0.3'

/** How the export `handle` is lifted. */
export interface HandleLift {
  step: number
  name: string
  /** `sync`: returns a pointer to the result. `callback`: stackless, returns a callback code. `stackful`: neither. */
  lift: 'sync' | 'callback' | 'stackful'
  callback: { step: number; name: string } | null
  postReturn: { step: number; name: string } | null
  options: CanonOptions
}

export interface EnginePlan {
  /** Absent in engines of before there were others than `event`. */
  entry?: EntryKind
  steps: EngineStep[]
  /** Core exports that canonical options refer to, by index. */
  memories: { step: number; name: string }[]
  reallocs: { step: number; name: string }[]
  /** By export name: `handle`; `turn` for guests that bring an event loop; `load` for JavaScript that answers HTTP. */
  exports: Record<string, HandleLift>
}

export interface EngineManifest {
  format: 1
  modules: EngineModule[]
  plan: EnginePlan
}
