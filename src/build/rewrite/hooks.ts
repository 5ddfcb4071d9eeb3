/** The instructions and declarations the lean module has beyond the guest's own: checkpoints and growth hooks. */
import { name, u32 } from './bytes.ts'
import type { CodeScan, EditKind } from './code.ts'
import { OWN_MODULE } from './shape.ts'
import type { ModuleShape } from './shape.ts'
import { MAX_MEMORY_PAGES } from './types.ts'

/** Slots of the table `$x`, which the host fills before the first call. */
export const HOOK_SLOTS = {
  /** `() -> ()`: the epoch has reached `$dl`. It returns to go on, or traps. */
  checkpoint: 0,
  /** `(deltaPages: i32) -> i32`: the delta to grow by, or -1 to have memory.grow fail. */
  growMemory: 1,
  /** `(deltaElements: i32) -> i32`: the same for table.grow. */
  growTable: 2,
} as const

const SLOT_COUNT = 3

/** What to append to each section, and the instructions to put in at each kind of edit. */
export interface Hooks {
  types: Uint8Array[]
  imports: Uint8Array[]
  tables: Uint8Array[]
  globals: Uint8Array[]
  exports: Uint8Array[]
  snippets: Record<EditKind, Uint8Array>
}

export function usesHooks({ counts }: CodeScan): boolean {
  return counts.checkpoint + counts.growMemory + counts.growTable > 0
}

/** Everything is appended behind what the module has, so nothing of its own is renumbered. */
export function hooksFor(shape: ModuleShape, scan: CodeScan): Hooks {
  const checkpoints = scan.counts.checkpoint > 0
  const grows = scan.counts.growMemory + scan.counts.growTable > 0
  const checkpointType = u32(shape.types)
  const growType = u32(shape.types + (checkpoints ? 1 : 0))
  const epoch = u32(shape.imported.memories + shape.memories.length)
  const deadlineIndex = u32(shape.imported.globals + shape.globals.length)
  const tableIndex = u32(shape.imported.tables + shape.tables.length)

  const hooks: Hooks = {
    types: [],
    imports: [],
    tables: [],
    globals: [],
    exports: [],
    snippets: {
      checkpoint: checkpointCode(epoch, deadlineIndex, checkpointType, tableIndex),
      growMemory: growCode(HOOK_SLOTS.growMemory, growType, tableIndex),
      growTable: growCode(HOOK_SLOTS.growTable, growType, tableIndex),
      remove: new Uint8Array(),
    },
  }
  if (checkpoints) {
    hooks.types.push(Uint8Array.of(0x60, 0, 0))
    // The page all processes share: minimum and maximum are as wide as may be, so that any shared memory fits.
    hooks.imports.push(Uint8Array.of(...name(OWN_MODULE), ...name('epoch'), 2, 3, 1, ...u32(MAX_MEMORY_PAGES)))
    // Mutable i32, at first the latest epoch there is: no deadline until the host sets one.
    hooks.globals.push(Uint8Array.of(0x7f, 1, 0x41, 0xff, 0xff, 0xff, 0xff, 0x07, 0x0b))
    hooks.exports.push(Uint8Array.of(...name('$dl'), 3, ...deadlineIndex))
  }
  if (grows) hooks.types.push(Uint8Array.of(0x60, 1, 0x7f, 1, 0x7f))
  if (usesHooks(scan)) {
    hooks.tables.push(Uint8Array.of(0x70, 1, SLOT_COUNT, SLOT_COUNT))
    hooks.exports.push(Uint8Array.of(...name('$x'), 1, ...tableIndex))
  }
  return hooks
}

/**
 * `if (i32.load(epoch, 0) - $dl >= 0) $x[checkpoint]()`. The difference is compared, not the values, so that the
 * epoch may wrap around. Nothing of the operand stack is touched, so it is valid wherever an instruction is.
 */
function checkpointCode(epoch: number[], deadline: number[], type: number[], table: number[]): Uint8Array {
  const instructions = [
    [0x41, 0], // i32.const 0
    [0x28, 0x40 | 2, ...epoch, 0], // i32.load epoch, alignment 4, offset 0
    [0x23, ...deadline], // global.get $dl
    [0x6b], // i32.sub
    [0x41, 0], // i32.const 0
    [0x4e], // i32.ge_s
    [0x04, 0x40], // if
    [0x41, HOOK_SLOTS.checkpoint], // i32.const
    [0x11, ...type, ...table], // call_indirect
    [0x0b], // end
  ]
  return Uint8Array.from(instructions.flat())
}

/** In front of a grow instruction, whose delta is on top of the stack: `delta = $x[slot](delta)`. */
function growCode(slot: number, type: number[], table: number[]): Uint8Array {
  return Uint8Array.of(0x41, slot, 0x11, ...type, ...table)
}
