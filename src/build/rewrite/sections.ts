/** The outermost layer of a module: its sections, their order, and putting them together again. */
import { byteLength, ByteReader, concat, u32 } from './bytes.ts'
import type { ModuleBytes, Span } from './bytes.ts'
import { malformed, unsupported } from './rejection.ts'

/** Section ids, WebAssembly core specification, section 5.5.2. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const

export type SectionName = Exclude<keyof typeof SECTION, 'custom' | 'tag'>

/** The order sections must come in, which is not that of their ids: data count stands before code. */
const ORDER: readonly SectionName[] = [
  'type',
  'import',
  'function',
  'table',
  'memory',
  'global',
  'export',
  'start',
  'element',
  'dataCount',
  'code',
  'data',
]

const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)
/** Where a core module has its version, a component has version 13 and layer 1. */
const COMPONENT_VERSION = Uint8Array.of(0x0d, 0x00, 0x01, 0x00)

/** Contents of the sections present, without id and size. Custom sections are left out. */
export type Sections = Map<SectionName, Span>

export function readSections(bytes: ModuleBytes): Sections {
  readHeader(bytes)
  const sections: Sections = new Map()
  const reader = new ByteReader(bytes, { start: HEADER.length, end: bytes.length }, 'section list')
  let last = -1
  while (!reader.done) {
    const id = reader.u8()
    const size = reader.u32()
    const start = reader.position
    if (size > reader.end - start) throw malformed(`section ${id} says ${size} bytes, past the end of the module`)
    reader.skip(size)
    if (id === SECTION.custom) continue
    if (id === SECTION.tag) throw unsupported('exception handling', 'tag section')
    const place = ORDER.findIndex((name) => SECTION[name] === id)
    const sectionName = ORDER[place]
    if (sectionName === undefined) throw malformed(`it has a section of unknown id ${id}`)
    if (place === last) throw malformed(`it has two ${sectionName} sections`)
    if (place < last) throw malformed(`its ${sectionName} section is out of order`)
    last = place
    sections.set(sectionName, { start, end: start + size })
  }
  return sections
}

function readHeader(bytes: ModuleBytes): void {
  const startsWith = (expected: Uint8Array, at: number): boolean =>
    expected.every((byte, index) => bytes[at + index] === byte)
  if (startsWith(HEADER, 0)) return
  if (startsWith(HEADER.subarray(0, 4), 0) && startsWith(COMPONENT_VERSION, 4)) {
    throw malformed('it is a component, not a core module')
  }
  throw malformed('it does not start with the magic number and version 1 of WebAssembly')
}

/** New contents of each section, as pieces to be laid end to end. A section without pieces is left out. */
export type SectionPieces = Partial<Record<SectionName, Uint8Array[]>>

export function assemble(pieces: SectionPieces): ModuleBytes {
  const out: Uint8Array[] = [HEADER]
  for (const sectionName of ORDER) {
    const contents = pieces[sectionName]
    if (contents === undefined || contents.length === 0) continue
    out.push(Uint8Array.of(SECTION[sectionName], ...u32(byteLength(contents))), ...contents)
  }
  return concat(out)
}
