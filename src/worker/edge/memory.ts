/**
 * Memory of bodies that pass through. Left to the garbage collector, what is over piles up to tens of megabytes before it
 * looks, and is cold when it is used again.
 */

/** Ours: below this, what the collector does is cheaper. */
const smallestFreed = 8_192

let over: Buffer[] = []

/** Frees the memory of bytes that nobody reads after this turn of the event loop, unless others share it. */
export function freeSoon(bytes: Buffer): void {
  const { buffer } = bytes
  if (bytes.length < smallestFreed || bytes.length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return
  if (over.push(bytes) === 1) setImmediate(freeAll)
}

function freeAll(): void {
  const freed = over
  over = []
  for (const { buffer } of freed) if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** What is written a few bytes at a time, and what comes in one go. */
const blockSizes = [16_384, 65_536] as const
/** Ours: of each size; 5 MiB. */
const keptBlocks = 64

/** Bytes to be sent, put together in memory that is used again and again. */
export class Block {
  readonly #bytes: Buffer
  #used = 0
  /** Pieces of it that are on their way. */
  #sent = 0
  #isLost = false

  private constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  static readonly #kept: readonly Block[][] = blockSizes.map(() => [])

  /** One with room for `bytes` bytes, or as many as a block has. */
  static withRoom(bytes: number): Block {
    const size = bytes <= blockSizes[0] ? 0 : 1
    return Block.#kept[size]?.pop() ?? new Block(Buffer.allocUnsafeSlow(blockSizes[size]))
  }

  get room(): number {
    return this.#bytes.length - this.#used
  }

  /** Nothing of it is on its way. */
  get isIdle(): boolean {
    return this.#sent === 0
  }

  /** Takes as much of `bytes` as there is room for; returns how much. */
  append(bytes: Uint8Array): number {
    const taken = bytes.length <= this.room ? bytes : bytes.subarray(0, this.room)
    this.#bytes.set(taken, this.#used)
    this.#used += taken.length
    return taken.length
  }

  /** The last `length` bytes, which stay as they are until `arrived` has been called for them. */
  send(length: number): Buffer {
    this.#sent++
    return this.#bytes.subarray(this.#used - length, this.#used)
  }

  /** `isLost`: who has it now is not known, so nobody else may ever have the block. */
  arrived(isLost: boolean): void {
    this.#sent--
    this.#isLost ||= isLost
  }

  /** Somebody else may have it. Only when idle. */
  giveBack(): void {
    if (this.#isLost) return
    this.#used = 0
    const kept = Block.#kept[blockSizes.findIndex((size) => size === this.#bytes.length)]
    if (kept !== undefined && kept.length < keptBlocks) kept.push(this)
    else freeSoon(this.#bytes)
  }
}
