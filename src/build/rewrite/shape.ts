/** What a module declares, read once: all that the rewriter must know besides code. */
import { ByteReader } from './bytes.ts'
import type { ModuleBytes, Span } from './bytes.ts'
import { skipExpression } from './expressions.ts'
import { operatorReader } from './operators.ts'
import type { OperatorReader } from './operators.ts'
import { malformed, refused, unsupported } from './rejection.ts'
import type { SectionName, Sections } from './sections.ts'
import { readGlobalType, readMemoryLimits, readTableType, readTypes, readValueType } from './types.ts'
import type { Limits, ValueType } from './types.ts'

/** Module name of what the rewriter imports. */
export const OWN_MODULE = '$thaw'

/** Names the rewriter exports: mutable globals, tables, the deadline, the hooks. */
const OWN_EXPORT = /^\$(?:[gt]\d+|dl|x)$/

/** V8's own limit for one table; here the sum over a module's tables, since each element costs eight bytes. */
export const MAX_TABLE_ELEMENTS = 10_000_000

export interface DefinedGlobal {
  type: ValueType
  mutable: boolean
  /** Type and mutability, without the initial value. */
  typeSpan: Span
  /** All of it. */
  span: Span
}

export interface DataSegment {
  passive: boolean
  span: Span
}

export interface ModuleShape {
  types: number
  imported: { memories: number; tables: number; globals: number }
  memories: Limits[]
  tables: Limits[]
  globals: DefinedGlobal[]
  data: DataSegment[]
}

export function readShape(bytes: ModuleBytes, sections: Sections): ModuleShape {
  const read = <T>(name: SectionName, absent: T, parse: (reader: ByteReader, operators: OperatorReader) => T): T => {
    const section = sections.get(name)
    if (section === undefined) return absent
    const what = `${name} section`
    const reader = new ByteReader(bytes, section, what)
    const parsed = parse(reader, operatorReader(bytes, what))
    reader.finish()
    return parsed
  }
  const shape = {
    types: read('type', 0, readTypes),
    imported: read('import', { memories: 0, tables: 0, globals: 0 }, readImports),
    tables: read('table', [], readTables),
    memories: read('memory', [], (reader) => vector(reader, readMemoryLimits)),
    globals: read('global', [], readGlobals),
    data: read('data', [], readData),
  }
  read('export', undefined, checkExports)
  read('element', undefined, checkElements)
  return shape
}

function vector<T>(reader: ByteReader, item: (reader: ByteReader) => T): T[] {
  const items: T[] = []
  for (let left = reader.u32(); left > 0; left -= 1) items.push(item(reader))
  return items
}

function readImports(reader: ByteReader): ModuleShape['imported'] {
  const imported = { memories: 0, tables: 0, globals: 0 }
  for (let left = reader.u32(); left > 0; left -= 1) {
    if (reader.name() === OWN_MODULE) throw refused(`it imports from "${OWN_MODULE}", a name kept for Thaw`)
    reader.name()
    const kind = reader.u8()
    switch (kind) {
      case 0:
        reader.u32()
        break
      case 1:
        readTableType(reader)
        imported.tables += 1
        break
      case 2:
        readMemoryLimits(reader)
        imported.memories += 1
        break
      case 3:
        readGlobalType(reader)
        imported.globals += 1
        break
      case 4:
        throw unsupported('exception handling', 'imported tag')
      default:
        throw malformed(`it has an import of the unknown kind ${kind}`)
    }
  }
  return imported
}

/** A table, or behind 0x40 0x00 a table with an initial element (typed function references). */
function readTables(reader: ByteReader, operators: OperatorReader): Limits[] {
  const tables = vector(reader, () => {
    const hasInitial = reader.bytes[reader.position] === 0x40
    if (hasInitial) {
      reader.u8()
      if (reader.u8() !== 0) throw malformed('it has a table of an unknown kind')
    }
    const limits = readTableType(reader)
    if (hasInitial) skipExpression(reader, operators)
    return limits
  })
  const elements = tables.reduce((sum, { min }) => sum + min, 0)
  if (elements > MAX_TABLE_ELEMENTS) {
    throw refused(`its tables begin with ${elements} elements, and the limit is ${MAX_TABLE_ELEMENTS}`)
  }
  return tables
}

function readGlobals(reader: ByteReader, operators: OperatorReader): DefinedGlobal[] {
  return vector(reader, () => {
    const start = reader.position
    const type = readGlobalType(reader)
    const typeSpan = { start, end: reader.position }
    skipExpression(reader, operators)
    return { ...type, typeSpan, span: { start, end: reader.position } }
  })
}

function readData(reader: ByteReader, operators: OperatorReader): DataSegment[] {
  return vector(reader, () => {
    const start = reader.position
    const flags = reader.u32()
    if (flags > 2) throw malformed(`it has a data segment of the unknown kind ${flags}`)
    const passive = flags === 1
    if (flags === 2) reader.u32()
    if (!passive) skipExpression(reader, operators)
    reader.skip(reader.u32())
    return { passive, span: { start, end: reader.position } }
  })
}

function checkExports(reader: ByteReader): undefined {
  for (let left = reader.u32(); left > 0; left -= 1) {
    const name = reader.name()
    if (OWN_EXPORT.test(name)) throw refused(`it exports "${name}", a name kept for Thaw`)
    const kind = reader.u8()
    if (kind === 4) throw unsupported('exception handling', 'exported tag')
    if (kind > 4) throw malformed(`it has an export of the unknown kind ${kind}`)
    reader.u32()
  }
}

/** Flag bits: 1 not active; 2 declared, or of an explicit table; 4 expressions instead of function indexes. */
function checkElements(reader: ByteReader, operators: OperatorReader): undefined {
  for (let left = reader.u32(); left > 0; left -= 1) {
    const flags = reader.u32()
    if (flags > 7) throw malformed(`it has an element segment of the unknown kind ${flags}`)
    const active = (flags & 1) === 0
    const expressions = (flags & 4) !== 0
    if (active && flags & 2) reader.u32()
    if (active) skipExpression(reader, operators)
    if (flags & 3) {
      if (expressions) readValueType(reader)
      else if (reader.u8() !== 0) throw malformed('it has an element segment of an unknown kind')
    }
    for (let items = reader.u32(); items > 0; items -= 1) {
      if (expressions) skipExpression(reader, operators)
      else reader.u32()
    }
  }
}
