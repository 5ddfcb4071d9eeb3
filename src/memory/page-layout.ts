/**
 * Where things are in the shared page. Every field is an i32 word and is read and written with Atomics only.
 * Word 0 is all that a guest ever reads; it has a cache line of its own, as has each worker's record.
 */

/** 'THAW' in ASCII, little-endian; written last when a page is made, so that no half-made page has it. */
export const MAGIC = 0x57_41_48_54
/** To be raised with every change of this file: a worker refuses a page of another layout. */
export const LAYOUT_VERSION = 2

export const EPOCH_WORD = 0
export const MAGIC_WORD = 16
export const VERSION_WORD = 17
/** How many pools there are, and how many slots each has: with them, everything below is at its place. */
export const POOLS_WORD = 18
export const STRIDE_WORD = 19

/** Far more than a machine has cores; a worker that is being replaced and its successor each use one. */
export const WORKER_RECORDS = 128
export const WORKER_WORDS = 16
export const WORKERS_WORD = 1_024
export const WORKER_PID = 0
export const WORKER_INCARNATION = 1
export const WORKER_DEPLOYMENT = 2
export const WORKER_DEADLINE = 3
/** Odd while a guest runs, and another number each time one is entered: a reader can tell that nothing changed meanwhile. */
export const WORKER_SEQUENCE = 4
export const WORKER_HEARTBEAT = 5
/** Guests that have used up a slice and are not over: while there are any, epochs must be fine. */
export const WORKER_SLICING = 6

/** limits.accountConcurrency and limits.concurrencyPools have the same maximums. */
export const MAX_STRIDE = 12_000
export const MAX_POOLS = 4_096
/** One after the other, the pools' limits, the highest limits that they ever had, and their slots. */
export const LIMITS_WORD = 4_096

/** How many pools a page has, and the slots of each: no pool's limit can be more. */
export interface PageShape {
  pools: number
  stride: number
}

export const WASM_PAGE_BYTES = 65_536
const LINE_WORDS = 16

export function highsWord({ pools }: PageShape): number {
  return LIMITS_WORD + pools
}

/** On a cache line of its own: limits are read at every invocation, slots written. */
export function slotsWord({ pools }: PageShape): number {
  return Math.ceil((LIMITS_WORD + 2 * pools) / LINE_WORDS) * LINE_WORDS
}

/** Of the file and of the memory, whole Wasm pages. It is sparse: what no pool has used takes no room. */
export function pageBytes(shape: PageShape): number {
  const bytes = (slotsWord(shape) + shape.pools * shape.stride) * Int32Array.BYTES_PER_ELEMENT
  return Math.ceil(bytes / WASM_PAGE_BYTES) * WASM_PAGE_BYTES
}
