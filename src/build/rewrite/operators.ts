/**
 * Instructions, one after the other, by `wasmparser`, with its gaps closed:
 * it reads memory indexes as one byte and does not know the memory index of a load or store (multi-memory),
 * so behind such an instruction it would take an immediate for an opcode.
 */
import { BinaryReader } from 'wasmparser'

import { ByteReader } from './bytes.ts'
import type { ModuleBytes, Span } from './bytes.ts'
import { malformed, unsupported } from './rejection.ts'
import { checkHeapType } from './types.ts'

/** Opcodes as wasmparser numbers them: a prefixed one is prefix and code in one number. */
export const OP = {
  loop: 0x03,
  end: 0x0b,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  returnCallRef: 0x15,
  tableSet: 0x26,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  refNull: 0xd0,
  memoryInit: 0xfc08,
  dataDrop: 0xfc09,
  memoryCopy: 0xfc0a,
  memoryFill: 0xfc0b,
  tableInit: 0xfc0c,
  elemDrop: 0xfc0d,
  tableCopy: 0xfc0e,
  tableGrow: 0xfc0f,
  tableFill: 0xfc11,
} as const

/** A type as wasmparser gives it; with `ref_index` it is a reference to that heap type. */
interface Type {
  code: number
  ref_index?: number
}

/** An instruction as wasmparser gives it: the fields used here, its codes as numbers. */
interface Instruction {
  code: number
  blockType?: Type
  selectType?: Type
  refType?: number
  segmentIndex?: number
  memoryAddress?: { flags: number }
}

// States of wasmparser's BinaryReader; its own enumerations are `const` and unusable under isolatedModules.
const BEGIN_INIT_EXPRESSION = 25
const ERROR = -1

/** Instructions of which wasmparser reads an index as one byte: how many numbers follow the opcode. */
const INDEX_IMMEDIATES: ReadonlyMap<number, number> = new Map<number, number>([
  [OP.memorySize, 1],
  [OP.memoryGrow, 1],
  [OP.callIndirect, 2],
  [OP.returnCallIndirect, 2],
  [OP.memoryInit, 2],
  [OP.memoryCopy, 2],
  [OP.memoryFill, 1],
])

/** Bit 6 of a memory argument's alignment: a memory index follows (multi-memory proposal). */
const HAS_MEMORY_INDEX = 0x40

export interface Operator {
  code: number
  /** Where it starts. */
  at: number
  /** Of the segment, for memory.init. */
  segment: number | undefined
}

export interface OperatorReader {
  /** Go on at the start of `span`: a function body behind its locals, or a constant expression. */
  enter(span: Span): void
  /** The next instruction; throws ThawError if it is malformed, cut off, or of a proposal Thaw does not run. */
  next(): Operator
  /** Behind the instruction last read. */
  readonly position: number
}

export function operatorReader(bytes: ModuleBytes, what: string): OperatorReader {
  const reader: Omit<BinaryReader, 'state' | 'result'> & { state: number; result: unknown } = new BinaryReader()
  let end = 0

  // Positioned by hand and left in "initialiser expression" for all code: that state knows no enclosing section
  // or function, so the position is free to move, and framing stays with us.
  const moveTo = (position: number): void => {
    if (reader.position !== position || reader.length !== end) reader.setData(bytes.buffer, position, end, true)
  }

  const read = (): void => {
    const at = reader.position
    if (at >= end) throw malformed(`the ${what} ends within an expression`)
    let complete: boolean
    try {
      complete = reader.read()
    } catch (cause) {
      throw malformed(`the ${what} has an instruction that cannot be read at offset ${at}`, cause)
    }
    if (!complete || reader.position > end) throw malformed(`the ${what} is truncated`)
  }

  return {
    get position() {
      return reader.position
    },
    enter(span) {
      end = span.end
      moveTo(span.start)
      reader.state = BEGIN_INIT_EXPRESSION
    },
    next() {
      const at = reader.position
      read()
      if (reader.state === ERROR) throw unknownOpcode(bytes, at)
      const info = reader.result
      if (!isOperator(info)) throw malformed(`the ${what} has an instruction that cannot be read at offset ${at}`)
      const { code, segmentIndex: segment } = info
      checkProposal(info)
      if (code === OP.end) {
        // wasmparser takes this for the end of the whole expression: let it close it, and open the next.
        reader.read()
        reader.state = BEGIN_INIT_EXPRESSION
      } else if (INDEX_IMMEDIATES.has(code) || hasMemoryIndex(info)) {
        moveTo(endOf(info, new ByteReader(bytes, { start: at, end }, what)))
      }
      return { code, at, segment }
    },
  }
}

function isOperator(result: unknown): result is Instruction {
  return typeof result === 'object' && result !== null && 'code' in result
}

function hasMemoryIndex(info: Instruction): boolean {
  return ((info.memoryAddress?.flags ?? 0) & HAS_MEMORY_INDEX) !== 0
}

/** Where the instruction under `reader` really ends. */
function endOf(info: Instruction, reader: ByteReader): number {
  const { code } = info
  reader.u8()
  if (code > 0xff) reader.u32()
  let numbers = INDEX_IMMEDIATES.get(code) ?? 3
  for (; numbers > 0; numbers -= 1) reader.u32()
  if (isLaneAccess(code)) reader.u8()
  return reader.position
}

/** v128.load8_lane to v128.store64_lane: a lane follows the memory argument. */
function isLaneAccess(code: number): boolean {
  return code >= 0xfd054 && code <= 0xfd05b
}

function checkProposal(info: Instruction): void {
  const { code } = info
  const hex = `opcode 0x${code.toString(16)}`
  // try, catch, throw, rethrow, throw_ref; delegate, catch_all; try_table
  if ((code >= 0x06 && code <= 0x0a) || code === 0x18 || code === 0x19 || code === 0x1f) {
    throw unsupported('exception handling', hex)
  }
  if (code === 0xd3 || (code >= 0xfb00 && code <= 0xfbff)) throw unsupported('garbage collection', hex)
  if (code >= 0xfe00 && code <= 0xfeff) throw unsupported('threads', hex)
  if (code === OP.refNull && info.refType !== undefined) checkHeap(info.refType)
  if (info.blockType !== undefined) checkType(info.blockType)
  if (info.selectType !== undefined) checkType(info.selectType)
}

/** Types in wasmparser are their bytes as signed 7-bit numbers, or type indexes from 0 up. */
function checkType(type: Type): void {
  if (type.ref_index !== undefined) checkHeap(type.ref_index)
  // 0x40 is the empty block type, 0x7b to 0x7f are the numbers and vectors.
  else if (type.code < -5 && type.code !== -0x40) checkHeap(type.code)
}

function checkHeap(code: number): void {
  if (code < 0) checkHeapType(code & 0x7f)
}

function unknownOpcode(bytes: ModuleBytes, at: number): Error {
  const [first = 0, second = 0] = bytes.subarray(at, at + 2)
  if (first === 0xfe) return unsupported('threads', `opcode 0xfe 0x${second.toString(16)}`)
  if (first === 0xfb) return unsupported('garbage collection', `opcode 0xfb 0x${second.toString(16)}`)
  if (first >= 0xe0 && first <= 0xe6) return unsupported('stack switching', `opcode 0x${first.toString(16)}`)
  const prefixed = first >= 0xfb ? ` 0x${second.toString(16)}` : ''
  return malformed(`it has the unknown opcode 0x${first.toString(16)}${prefixed} at offset ${at}`)
}
