/**
 * Rewrites a core module so that the host owns its state and can interrupt it. Two modules of one shape come out:
 * `full` runs once in the builder, to be captured; `lean` is the engine, the same for every module with this code.
 *
 * 1. Read the sections and what they declare; refuse what a snapshot cannot hold.
 * 2. Read the code; note loops, tail calls, growth, and drops.
 * 3. Let V8 check that the module is valid: from here on only our own edits can be wrong.
 * 4. Import the memories, export mutable globals and tables: that is `full`.
 * 5. Without data, start and initial values, with checkpoints and hooks: that is `lean`.
 */
import { ThawError } from '../../errors.ts'
import type { ModuleMeta } from '../../instance/plan.ts'
import { ByteReader, name, u32 } from './bytes.ts'
import type { ModuleBytes } from './bytes.ts'
import { rewriteCode, scanCode } from './code.ts'
import type { CodeScan } from './code.ts'
import { hooksFor, usesHooks } from './hooks.ts'
import { leanData, leanGlobals } from './lean.ts'
import { malformed } from './rejection.ts'
import { assemble, readSections } from './sections.ts'
import type { SectionName, SectionPieces, Sections } from './sections.ts'
import { OWN_MODULE, readShape } from './shape.ts'
import type { ModuleShape } from './shape.ts'
import { MAX_MEMORY_PAGES } from './types.ts'

export interface RewrittenModule {
  /** The engine: without data, start section and initial values; with checkpoints and hooks. */
  lean: Uint8Array
  /** The guest's module as it is, but for memories imported and globals and tables exported. */
  full: Uint8Array
  meta: ModuleMeta
}

/**
 * `wasm` is not kept and not changed.
 * @throws ThawError `Build`, naming the unsupported feature, the rule broken, or the malformed part.
 */
export function rewriteModule(wasm: Uint8Array): RewrittenModule {
  const bytes: ModuleBytes = new Uint8Array(wasm)
  const sections = readSections(bytes)
  const shape = readShape(bytes, sections)
  const scan = scanCode(bytes, sections)
  const invalid = invalidity(bytes)
  if (invalid !== undefined) throw malformed(invalid)

  const meta = metaOf(shape, scan)
  const full = assemble(fullPieces(bytes, sections, shape, meta))
  const lean = assemble(leanPieces(bytes, sections, shape, scan, meta))
  // Valid before and not after: a limit of V8 that the checkpoints exceed (a body of 7.6 MB), or a fault of ours.
  for (const [label, output] of Object.entries({ full, lean })) {
    const reason = invalidity(output)
    if (reason === undefined) continue
    throw new ThawError('Build', `A core module cannot be used: rewritten (${label}) it is not valid: ${reason}.`)
  }
  return { lean, full, meta }
}

/** Why V8 does not take a module, or undefined if it does. */
function invalidity(bytes: ModuleBytes): string | undefined {
  if (WebAssembly.validate(bytes)) return undefined
  try {
    void new WebAssembly.Module(bytes)
    return 'it does not validate'
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^WebAssembly\.Module\(\): /, '') : 'it does not validate'
  }
}

function metaOf(shape: ModuleShape, scan: CodeScan): ModuleMeta {
  const globals: ModuleMeta['globals'] = []
  for (const [index, { type, mutable }] of shape.globals.entries()) {
    if (!mutable || type === 'v128' || type === 'ref') continue
    globals.push({ name: `$g${shape.imported.globals + index}`, type })
  }
  return {
    memories: shape.memories.map(({ min, max }) => ({ minPages: min, maxPages: max })),
    globals,
    tables: shape.tables.map(({ min }, index) => ({ name: `$t${shape.imported.tables + index}`, minElements: min })),
    mutatesTables: scan.mutatesTables,
    checkpoints: scan.counts.checkpoint,
    hooks: usesHooks(scan),
  }
}

/** `m0`, `m1`, ... behind the module's own imports: where its memories were numbered anyway. */
function memoryImports(memories: readonly { minPages: number }[], lean: boolean): Uint8Array[] {
  return memories.map(({ minPages }, index) => {
    const limits = [1, ...u32(lean ? 0 : minPages), ...u32(MAX_MEMORY_PAGES)]
    return Uint8Array.of(...name(OWN_MODULE), ...name(`m${index}`), 2, ...limits)
  })
}

function stateExports(meta: ModuleMeta): Uint8Array[] {
  const entry = (kind: number, exported: { name: string }): Uint8Array =>
    Uint8Array.of(...name(exported.name), kind, ...u32(Number(exported.name.slice(2))))
  return [...meta.tables.map((table) => entry(1, table)), ...meta.globals.map((global) => entry(3, global))]
}

function fullPieces(bytes: ModuleBytes, sections: Sections, shape: ModuleShape, meta: ModuleMeta): SectionPieces {
  const pieces: SectionPieces = {}
  for (const [section, { start, end }] of sections) pieces[section] = [bytes.subarray(start, end)]
  delete pieces.memory
  pieces.import = appendTo(bytes, sections, 'import', memoryImports(meta.memories, false))
  pieces.export = appendTo(bytes, sections, 'export', stateExports(meta))
  return pieces
}

function leanPieces(
  bytes: ModuleBytes,
  sections: Sections,
  shape: ModuleShape,
  scan: CodeScan,
  meta: ModuleMeta,
): SectionPieces {
  const hooks = hooksFor(shape, scan)
  const pieces = fullPieces(bytes, sections, shape, meta)
  const append = (section: SectionName, entries: Uint8Array[]): Uint8Array[] =>
    appendTo(bytes, sections, section, entries)
  delete pieces.start
  pieces.type = append('type', hooks.types)
  pieces.import = append('import', [...memoryImports(meta.memories, true), ...hooks.imports])
  pieces.table = append('table', hooks.tables)
  pieces.export = append('export', [...stateExports(meta), ...hooks.exports])
  const globals = [...leanGlobals(bytes, shape.globals), ...hooks.globals]
  pieces.global = vector(shape.globals.length + hooks.globals.length, globals)
  const { count, data } = leanData(bytes, shape.data, scan.segments)
  pieces.dataCount = count
  pieces.data = data
  const code = sections.get('code')
  if (code !== undefined) pieces.code = rewriteCode(bytes, code, scan, hooks.snippets)
  return pieces
}

/** A section that is a vector, with entries added behind its own. */
function appendTo(bytes: ModuleBytes, sections: Sections, section: SectionName, entries: Uint8Array[]): Uint8Array[] {
  const span = sections.get(section)
  if (span === undefined) return vector(entries.length, entries)
  const reader = new ByteReader(bytes, span, `${section} section`)
  const count = reader.u32() + entries.length
  return vector(count, [bytes.subarray(reader.position, span.end), ...entries])
}

/** No section at all for a vector of nothing. */
function vector(count: number, contents: Uint8Array[]): Uint8Array[] {
  return count === 0 ? [] : [Uint8Array.from(u32(count)), ...contents]
}
