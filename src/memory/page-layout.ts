/**
 * Where things are in the shared page. Every field is an i32 word and is read and written with Atomics only.
 * Word 0 is all that a guest ever reads; it has a cache line of its own, as has each worker's record.
 */

/** Four Wasm pages; the file's size as well. */
export const PAGE_BYTES = 262_144
export const PAGE_WASM_PAGES = 4

/** 'THAW' in ASCII, little-endian; written last when a page is made, so that no half-made page has it. */
export const MAGIC = 0x57_41_48_54
/** To be raised with every change of this file: a worker refuses a page of another layout. */
export const LAYOUT_VERSION = 1

export const EPOCH_WORD = 0
export const MAGIC_WORD = 16
export const VERSION_WORD = 17
export const LIMIT_WORD = 18

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

/** limits.accountConcurrency has the same maximum. */
export const MAX_SLOTS = 12_000
export const SLOTS_WORD = 4_096
