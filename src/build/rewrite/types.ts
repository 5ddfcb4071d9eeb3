/** Types as they stand in the binary: value types, reference types and limits, with what Thaw runs of them. */
import type { ByteReader } from './bytes.ts'
import { malformed, refused, unsupported } from './rejection.ts'
import type { Feature } from './rejection.ts'

export type NumberType = 'i32' | 'i64' | 'f32' | 'f64'
export type ValueType = NumberType | 'v128' | 'ref'

const VALUE_TYPES: ReadonlyMap<number, ValueType> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
])

const FUNC = 0x70
const EXTERN = 0x6f
const REF_NULL = 0x63
const REF = 0x64

/** Abstract heap types by their byte, where it is a proposal that Thaw does not run. */
const UNSUPPORTED_HEAP_TYPES: ReadonlyMap<number, [Feature, string]> = new Map([
  [0x61, ['custom descriptors', 'exact reference']],
  [0x62, ['custom descriptors', 'exact reference']],
  [0x65, ['threads', 'shared reference']],
  [0x68, ['stack switching', 'cont reference']],
  [0x69, ['exception handling', 'exn reference']],
  [0x6a, ['garbage collection', 'array reference']],
  [0x6b, ['garbage collection', 'struct reference']],
  [0x6c, ['garbage collection', 'i31 reference']],
  [0x6d, ['garbage collection', 'eq reference']],
  [0x6e, ['garbage collection', 'any reference']],
  [0x71, ['garbage collection', 'none reference']],
  [0x72, ['garbage collection', 'noextern reference']],
  [0x73, ['garbage collection', 'nofunc reference']],
  [0x74, ['exception handling', 'noexn reference']],
  [0x75, ['stack switching', 'nocont reference']],
])

/** Refuse an abstract heap type other than func and extern; `byte` is its one-byte code, 0x40 to 0x7f. */
export function checkHeapType(byte: number): void {
  if (byte === FUNC || byte === EXTERN) return
  const known = UNSUPPORTED_HEAP_TYPES.get(byte)
  throw known === undefined ? malformed(`it has the unknown type 0x${byte.toString(16)}`) : unsupported(...known)
}

export function readValueType(reader: ByteReader): ValueType {
  const byte = reader.u8()
  const plain = VALUE_TYPES.get(byte)
  if (plain !== undefined) return plain
  if (byte === REF || byte === REF_NULL) skipHeapType(reader)
  else checkHeapType(byte)
  return 'ref'
}

/** A concrete type's index as a positive signed LEB128, or one byte with its sign bit set. */
function skipHeapType(reader: ByteReader): void {
  const byte = reader.u8()
  if (byte >= 0x40 && byte < 0x80) checkHeapType(byte)
  else if (byte >= 0x80) reader.u32()
}

/** Function types only: nothing else can be told apart by a snapshot. Returns how many there are. */
export function readTypes(reader: ByteReader): number {
  const count = reader.u32()
  for (let index = 0; index < count; index += 1) {
    const form = reader.u8()
    if (form !== 0x60) throw unsupportedForm(form)
    for (const _ of ['parameters', 'results']) {
      for (let left = reader.u32(); left > 0; left -= 1) readValueType(reader)
    }
  }
  reader.finish()
  return count
}

function unsupportedForm(form: number): Error {
  switch (form) {
    case 0x5f:
      return unsupported('garbage collection', 'struct type')
    case 0x5e:
      return unsupported('garbage collection', 'array type')
    case 0x50:
    case 0x4f:
      return unsupported('garbage collection', 'subtype')
    case 0x4e:
      return unsupported('garbage collection', 'recursive type group')
    case 0x5d:
      return unsupported('stack switching', 'cont type')
    case 0x65:
      return unsupported('threads', 'shared type')
    case 0x4c:
    case 0x4d:
      return unsupported('custom descriptors', 'type section')
    default:
      return malformed(`its type section has the unknown form 0x${form.toString(16)}`)
  }
}

export interface Limits {
  min: number
  max: number | undefined
}

/** 4 GiB in pages: the most a 32-bit memory can have. */
export const MAX_MEMORY_PAGES = 65_536

export function readMemoryLimits(reader: ByteReader): Limits {
  const flags = reader.u8()
  if (flags & 0x02) throw unsupported('threads', 'shared memory')
  if (flags & 0x04) throw unsupported('memory64', 'memory with 64-bit addresses')
  if (flags & 0x08) throw unsupported('custom page sizes', 'memory with a page size')
  const limits = readLimits(reader, flags)
  if (Math.max(limits.min, limits.max ?? 0) > MAX_MEMORY_PAGES) {
    throw malformed(`it has a memory of more than ${MAX_MEMORY_PAGES} pages`)
  }
  return limits
}

/** A table's type: element type, then limits. */
export function readTableType(reader: ByteReader): Limits {
  if (readValueType(reader) !== 'ref') throw malformed('it has a table of a type that is no reference')
  const flags = reader.u8()
  if (flags & 0x02) throw unsupported('threads', 'shared table')
  if (flags & 0x04) throw unsupported('table64', 'table with 64-bit indices')
  return readLimits(reader, flags)
}

function readLimits(reader: ByteReader, flags: number): Limits {
  if (flags > 1) throw malformed(`it has limits of the unknown kind 0x${flags.toString(16)}`)
  const min = reader.u32()
  const max = flags & 1 ? reader.u32() : undefined
  if (max !== undefined && max < min)
    throw malformed(`it has limits whose maximum ${max} is below their minimum ${min}`)
  return { min, max }
}

export interface GlobalType {
  type: ValueType
  mutable: boolean
}

/** A snapshot holds mutable globals by value, as JavaScript can read and write them: numbers only. */
export function readGlobalType(reader: ByteReader): GlobalType {
  const type = readValueType(reader)
  const mutability = reader.u8()
  if (mutability & 0x02) throw unsupported('threads', 'shared global')
  if (mutability > 1) throw malformed(`it has a global of the unknown mutability ${mutability}`)
  const mutable = mutability === 1
  if (mutable && type === 'v128') throw refused('it has a mutable global of type v128, which a snapshot cannot hold')
  if (mutable && type === 'ref')
    throw refused('it has a mutable global of a reference type, which a snapshot cannot hold')
  return { type, mutable }
}
