/** What the lean module leaves out: data, and initial values. A snapshot brings both. */
import { u32 } from './bytes.ts'
import type { ModuleBytes } from './bytes.ts'
import type { DataSegment, DefinedGlobal } from './shape.ts'
import type { ValueType } from './types.ts'

/** Zero as a constant expression. v128 and references are never mutable here (types.ts). */
const ZERO: Record<Exclude<ValueType, 'v128' | 'ref'>, Uint8Array> = {
  i32: Uint8Array.of(0x41, 0, 0x0b),
  i64: Uint8Array.of(0x42, 0, 0x0b),
  f32: Uint8Array.of(0x43, 0, 0, 0, 0, 0x0b),
  f64: Uint8Array.of(0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b),
}

export function leanGlobals(bytes: ModuleBytes, globals: readonly DefinedGlobal[]): Uint8Array[] {
  return globals.flatMap(({ type, mutable, typeSpan, span }) =>
    mutable && type !== 'v128' && type !== 'ref'
      ? [bytes.subarray(typeSpan.start, typeSpan.end), ZERO[type]]
      : [bytes.subarray(span.start, span.end)],
  )
}

const EMPTY_PASSIVE = Uint8Array.of(1, 0)

/**
 * The segments up to the last that a memory.init reads, at their indexes. The others, and active ones (which are
 * dropped once applied), are empty: so the lean module does not depend on how many there were, or on their bytes.
 */
export function leanData(
  bytes: ModuleBytes,
  segments: readonly DataSegment[],
  read: ReadonlySet<number>,
): { count: Uint8Array[]; data: Uint8Array[] } {
  if (read.size === 0) return { count: [], data: [] }
  const kept = segments.slice(0, Math.max(...read) + 1)
  const count = Uint8Array.from(u32(kept.length))
  const contents = kept.map(({ passive, span }, index) =>
    passive && read.has(index) ? bytes.subarray(span.start, span.end) : EMPTY_PASSIVE,
  )
  return { count: [count], data: [count, ...contents] }
}
