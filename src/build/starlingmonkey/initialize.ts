/**
 * A core module after its initialization, as a module: what the tool `wizer` does in a process of its own. Here the
 * module runs in this process's V8, so that a builder needs no right to start others.
 */
import { ThawError } from '../../errors.ts'
import { concat, name, u32, ByteReader, type ModuleBytes } from '../rewrite/bytes.ts'
import { rewriteModule } from '../rewrite/module.ts'
import { assemble, readSections, SECTION, type SectionPieces } from '../rewrite/sections.ts'
import { OWN_MODULE, readShape, type DefinedGlobal } from '../rewrite/shape.ts'
import { createPreview1, type Preview1Options } from './preview1.ts'

export interface InitializeOptions extends Preview1Options {
  /** Called after `_initialize`; neither is exported any more. */
  entry: string
}

export interface Initialized {
  module: ModuleBytes
  initMs: number
}

const wasi = 'wasi_snapshot_preview1'
const pageBytes = 65_536
const maxPages = 65_536

/** Errors: `Build`, with what the module wrote before it failed. */
export function initialize(wasm: Uint8Array, options: InitializeOptions): Initialized {
  const bytes: ModuleBytes = new Uint8Array(wasm)
  const { full, meta } = rewriteModule(bytes)
  const [own] = meta.memories
  if (own === undefined || meta.mutatesTables) throw new ThawError('Build', 'The engine cannot be initialized')
  const memory = new WebAssembly.Memory({ initial: own.minPages, maximum: maxPages })
  const preview1 = createPreview1(memory, options)
  const module = new WebAssembly.Module(new Uint8Array(full))
  const imports: WebAssembly.Imports = { [OWN_MODULE]: { m0: memory }, [wasi]: { ...preview1.imports } }
  for (const { module: from, name: called } of WebAssembly.Module.imports(module)) {
    const functions = (imports[from] ??= {})
    functions[called] ??= () => {
      throw new Error(`${from} ${called} is not available while a function is built`)
    }
  }
  const began = performance.now()
  const { exports } = new WebAssembly.Instance(module, imports)
  try {
    for (const step of ['_initialize', options.entry]) callExport(exports, step)
  } catch (cause) {
    const said = preview1.output().trim()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ThawError('Build', said === '' ? reason : said, { cause })
  }
  const initMs = performance.now() - began
  const globals = new Map(meta.globals.map(({ name: global }) => [Number(global.slice(2)), exports[global]]))
  return { module: frozen(bytes, memory, globals, ['_initialize', options.entry]), initMs }
}

function callExport(exports: WebAssembly.Exports, step: string): void {
  const called: unknown = exports[step]
  if (typeof called !== 'function') throw new ThawError('Build', `The engine has no ${step}`)
  Reflect.apply(called, undefined, [])
}

/** The module with the memory and the globals as they are now. */
function frozen(
  bytes: ModuleBytes,
  memory: WebAssembly.Memory,
  globals: ReadonlyMap<number, unknown>,
  withoutExports: readonly string[],
): ModuleBytes {
  const sections = readSections(bytes)
  const shape = readShape(bytes, sections)
  const pieces: SectionPieces = {}
  for (const [section, { start, end }] of sections) pieces[section] = [bytes.subarray(start, end)]
  delete pieces.start
  delete pieces.dataCount
  pieces.memory = [Uint8Array.of(1, 0, ...u32(memory.buffer.byteLength / pageBytes))]
  const { imported } = shape
  pieces.global = vector(
    shape.globals.map((global, index) => frozenGlobal(bytes, global, globals.get(imported.globals + index))),
  )
  pieces.export = vector(
    exportsOf(bytes, sections.get('export'))
      .filter((entry) => !withoutExports.includes(entry.name))
      .map(({ bytes: entry }) => entry),
  )
  pieces.data = vector(segments(new Uint8Array(memory.buffer)))
  return concat([assemble(pieces), ...componentTypes(bytes)])
}

const preambleBytes = 8

/** The custom sections in which the tools of the component model keep a module's world. */
function componentTypes(bytes: ModuleBytes): Uint8Array[] {
  const found: Uint8Array[] = []
  const reader = new ByteReader(bytes, { start: preambleBytes, end: bytes.length }, 'section list')
  while (!reader.done) {
    const start = reader.position
    const id = reader.u8()
    const size = reader.u32()
    const end = reader.position + size
    if (id === SECTION.custom && reader.name().startsWith('component-type')) found.push(bytes.subarray(start, end))
    reader.skip(end - reader.position)
  }
  return found
}

const vector = (entries: Uint8Array[]): Uint8Array[] => [Uint8Array.from(u32(entries.length)), ...entries]

function frozenGlobal(
  bytes: ModuleBytes,
  { type, mutable, typeSpan, span }: DefinedGlobal,
  global: unknown,
): Uint8Array {
  if (!mutable) return bytes.subarray(span.start, span.end)
  if (type !== 'i32' || !(global instanceof WebAssembly.Global))
    throw new ThawError('Build', 'The engine has a global that cannot be kept')
  const head = bytes.subarray(typeSpan.start, typeSpan.end)
  return concat([head, Uint8Array.of(0x41, ...signed(Number(global.value)), 0x0b)])
}

function exportsOf(
  bytes: ModuleBytes,
  span: { start: number; end: number } | undefined,
): { name: string; bytes: Uint8Array }[] {
  if (span === undefined) return []
  const reader = new ByteReader(bytes, span, 'export section')
  return Array.from({ length: reader.u32() }, () => {
    const exported = reader.name()
    const kind = reader.u8()
    return { name: exported, bytes: Uint8Array.of(...name(exported), kind, ...u32(reader.u32())) }
  })
}

/** Zeros that end a segment: fewer cost less in the segment than a new one does. */
const gapBytes = 32
/** V8 takes 100,000 (wasm-limits.h, kV8MaxWasmDataSegments). */
const maxSegments = 90_000

/** What of the memory is not zero, as active data segments. */
function segments(memory: Uint8Array, gap = gapBytes): Uint8Array[] {
  const words = new Float64Array(memory.buffer, 0, memory.length / 8)
  const found: Uint8Array[] = []
  let start = -1
  let end = 0
  const close = () => {
    if (start === -1) return
    const head = Uint8Array.of(0, 0x41, ...signed(start), 0x0b, ...u32(end - start))
    found.push(concat([head, memory.subarray(start, end)]))
    start = -1
  }
  for (let word = 0; word < words.length; word++) {
    // Bits: -0 is a zero that is none.
    if (Object.is(words[word], 0)) {
      if (start !== -1 && word * 8 - end >= gap) close()
      continue
    }
    if (start === -1) start = word * 8
    end = word * 8 + 8
  }
  close()
  return found.length > maxSegments ? segments(memory, gap * 4) : found
}

/** Signed LEB128 of 32 bits. */
function signed(value: number): number[] {
  const out: number[] = []
  for (let rest = value | 0; ; rest >>= 7) {
    const last = rest >= -64 && rest < 64
    out.push(last ? rest & 0x7f : (rest & 0x7f) | 0x80)
    if (last) return out
  }
}
