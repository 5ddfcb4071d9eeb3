/**
 * Where the host puts what it gives.
 *
 * Memory: the runtime is `stub`, which never frees. Nothing is lost by that, since every invocation starts from the
 * snapshot; and it is the fastest: an allocation moves a pointer. What comes in again and again, the pieces of a body
 * above all, is therefore put where its last piece was: `receiveAt`.
 */

let place: usize = 0
let room: usize = 0

/** The host allocates here. Each block has an ArrayBuffer's header, so that an event need not be copied. */
export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  if (size == 0) return align
  if (size <= room && old == 0) {
    room = 0
    return place
  }
  const block = __new(size, idof<ArrayBuffer>())
  if (old != 0) memory.copy(block, old, min(oldSize, size))
  return block
}

/** The next list of at most `bytes` goes to `at`, which is aligned for it. Said right before the call that gives it. */
export function receiveAt(at: usize, bytes: usize): void {
  place = at
  room = bytes
}

/** The call gave none. */
export function receiveAnywhere(): void {
  room = 0
}
