/** The linear memory as the snapshot shall have it. */

/** What an ordinary invocation may allocate without growing the memory: an instance that has grown cannot be reset. */
const roomBytes = 1_572_864

/** Malloc takes the smallest hole that will do. The last block wipes out what the smaller ones wrote between them. */
const blockBytes = [16_384, 131_072, roomBytes]

/** So much room is there from the start: what init frees is then behind it, not in front of what it leaves. */
export function reserveRoom() {
  // Used, or the bundler would drop it.
  if (new ArrayBuffer(roomBytes).byteLength === 0) throw new RangeError('No memory')
}

/**
 * The same room again after init, and zeros where init has been: sources and what else it has freed would be stored. A new
 * ArrayBuffer is all zeros, so it is done by taking the room in blocks of every size.
 */
export function clearRoom() {
  for (const bytes of blockBytes) {
    const blocks = []
    for (let taken = 0; taken < roomBytes; taken += bytes) blocks.push(new ArrayBuffer(bytes))
  }
}
