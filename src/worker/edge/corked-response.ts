import type { IncomingMessage, ServerResponse } from 'node:http'
import { Block } from './memory.ts'

/** Ours: held for what else is written in the same turn; from here on it goes out at once. */
const corkBytes = 16_384

export interface ResponseHead {
  status: number
  /** Names and values in turn: what Node would refuse, it must not be. */
  fields: string[]
}

/**
 * A response on its way to Node. Each write to a socket costs more than all else in it, so what is said before the guest
 * gives the thread back goes out together, head and body, and with its length where that is all of it.
 */
export class CorkedResponse {
  readonly outgoing: ServerResponse<IncomingMessage>
  /** Called when the kernel has taken something. */
  onTaken = (): void => {}
  /** Until Node has it. */
  #head: ResponseHead | undefined
  /** Where what is written is kept. */
  #block: Block | undefined
  /** The last of the block, which Node has not been given yet. */
  #corkedBytes = 0
  /** Given to Node, and not yet to the kernel. */
  #pendingBytes = 0
  /** Its pieces, in their order. */
  readonly #given: { block: Block; bytes: number }[] = []
  #isPlanned = false
  #isOver = false

  constructor(outgoing: ServerResponse<IncomingMessage>, head: ResponseHead) {
    this.outgoing = outgoing
    this.#head = head
    this.#plan()
  }

  get heldBytes(): number {
    return this.#corkedBytes + this.#pendingBytes
  }

  /** A copy is kept. */
  write(bytes: Uint8Array): void {
    if (this.#isOver) return
    for (let rest = bytes; rest.length > 0;) {
      this.#block ??= Block.withRoom(rest.length)
      const taken = this.#block.append(rest)
      this.#corkedBytes += taken
      rest = taken === rest.length ? nothing : rest.subarray(taken)
      if (this.#block.room === 0) {
        this.send()
        if (this.#isOver) return
        this.#block = undefined
      }
    }
    if (this.#corkedBytes >= corkBytes) this.send()
    else this.#plan()
  }

  /** What is held, head or body, now. */
  send(): void {
    const head = this.#takeHead()
    if (this.#isOver) return
    if (head !== undefined) this.outgoing.writeHead(head.status, head.fields)
    if (this.#corkedBytes > 0) this.outgoing.write(this.#take(), this.#countTaken)
    else if (head !== undefined) this.#sendHead(head.status)
  }

  /** Not `flushHeaders` where there is another way: that writes the values as UTF-8, and they are bytes. */
  #sendHead(status: number): void {
    const hasBody = this.outgoing.req.method !== 'HEAD' && status !== 204 && status !== 304
    if (hasBody) this.outgoing.write('', 'latin1')
    else this.outgoing.flushHeaders()
  }

  /** The same, and nothing comes after. `needsLength`: the head says none, and may. */
  end(needsLength: boolean, trailers: [name: string, value: string][]): void {
    const { outgoing } = this
    const bytes = this.#corkedBytes
    const head = this.#takeHead()
    if (this.#isOver) return
    this.#isOver = true
    if (head !== undefined) {
      if (needsLength) head.fields.push('content-length', String(bytes))
      outgoing.writeHead(head.status, head.fields)
    }
    if (trailers.length > 0) outgoing.addTrailers(trailers)
    // Node makes one piece of head and body if both are text: here a character is a byte.
    if (bytes === 0) outgoing.end()
    else if (head === undefined) outgoing.end(this.#take(), this.#countTaken)
    else outgoing.end(this.#take().toString('latin1'), 'latin1', this.#countTaken)
  }

  /** What is held will not go out any more. */
  drop(): void {
    this.#isOver = true
    this.#head = undefined
    if (this.#block?.isIdle === true) this.#block.giveBack()
    this.#block = undefined
    this.#corkedBytes = 0
  }

  /** After the guest's turn, and whatever follows from it at once. */
  #plan(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#isPlanned = false
        if (!this.#isOver) this.send()
      }),
    )
  }

  /** Whoever else has answered meanwhile has the last word. */
  #takeHead(): ResponseHead | undefined {
    const head = this.#head
    this.#head = undefined
    if (head !== undefined && (this.outgoing.headersSent || this.outgoing.destroyed)) this.drop()
    return head
  }

  #take(): Buffer {
    const block = this.#block
    const bytes = this.#corkedBytes
    if (block === undefined) return nothing
    this.#corkedBytes = 0
    this.#pendingBytes += bytes
    this.#given.push({ block, bytes })
    return block.send(bytes)
  }

  readonly #countTaken = (error?: Error | null): void => {
    const given = this.#given.shift()
    if (given === undefined) return
    const { block, bytes } = given
    this.#pendingBytes -= bytes
    block.arrived(error != null)
    const isCurrent = this.#block === block
    if (block.isIdle && (!isCurrent || this.#corkedBytes === 0)) {
      if (isCurrent) this.#block = undefined
      block.giveBack()
    }
    this.onTaken()
  }
}

const nothing = Buffer.alloc(0)
