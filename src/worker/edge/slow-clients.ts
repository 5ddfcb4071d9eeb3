/**
 * Clients that send a body too slowly, or take a response too slowly, found by looking at the connections once in a
 * while: nothing is done a request. A body counts only while somebody reads it: what nobody wants may wait.
 */
import type { Socket } from 'node:net'
import type { Limits } from '../../config.ts'
import { cutBody, isOpen, type Connections, type Response } from './connections.ts'
import type { Fault } from './fault.ts'

export type SlowLimits = Pick<Limits, 'bodyStallMs' | 'bodyBytesPerSecond' | 'bodyGraceMs'>

interface Progress {
  readonly startBytes: number
  bytes: number
  /** While it was wanted. */
  readingMs: number
  stalledMs: number
}

export class SlowClients {
  readonly #connections: Connections
  readonly #limits: SlowLimits
  readonly #bodies = new WeakMap<Response, Progress>()
  readonly #everyMs: number
  #lookedAt = performance.now()

  constructor(connections: Connections, limits: SlowLimits) {
    this.#connections = connections
    this.#limits = limits
    this.#everyMs = Math.max(1, Math.min(1_000, limits.bodyStallMs / 4, limits.bodyGraceMs / 4))
  }

  /** Until the process ends; it does not keep it. */
  watch(): NodeJS.Timeout {
    return setInterval(() => this.#look(), this.#everyMs).unref()
  }

  /** For the servers' 'timeout', which comes if nothing has moved for a while. `mayIdle`: between requests, for good. */
  onTimeout(socket: Socket, mayIdle: boolean): void {
    // With nothing left to take, it is the function that is waited for.
    const isWaiting = mayIdle || isOpen(this.#connections.latestOf(socket))
    if (socket.writableLength > 0 || !isWaiting) socket.destroy()
  }

  #look(): void {
    const now = performance.now()
    // A turn that took long was ours, not the client's, whose bytes may be there unread.
    const passedMs = Math.min(now - this.#lookedAt, 2 * this.#everyMs)
    this.#lookedAt = now
    for (const { socket, latest } of this.#connections) {
      if (!isOpen(latest)) continue
      if (!latest.req.complete) this.#lookAtBody(latest, socket.bytesRead, passedMs)
      // Node's timer of a socket knows of progress inside one large write.
      if (socket.writableLength > 0 && socket.timeout !== this.#limits.bodyStallMs)
        socket.setTimeout(this.#limits.bodyStallMs)
    }
  }

  #lookAtBody(response: Response, bytes: number, passedMs: number): void {
    const progress = this.#bodies.get(response)
    if (progress === undefined) {
      this.#bodies.set(response, { startBytes: bytes, bytes, readingMs: 0, stalledMs: 0 })
      return
    }
    if (response.req.readableFlowing !== true) {
      progress.stalledMs = 0
      return
    }
    progress.readingMs += passedMs
    progress.stalledMs = bytes === progress.bytes ? progress.stalledMs + passedMs : 0
    progress.bytes = bytes
    const fault = this.#faultOf(progress)
    if (fault !== undefined) cutBody(response, fault)
  }

  #faultOf({ startBytes, bytes, readingMs, stalledMs }: Progress): Fault | undefined {
    const { bodyStallMs, bodyGraceMs, bodyBytesPerSecond } = this.#limits
    if (stalledMs >= bodyStallMs)
      return { status: 408, message: `Nothing of the request's body came for limits.bodyStallMs, ${bodyStallMs} ms.` }
    if (readingMs <= bodyGraceMs || (bytes - startBytes) * 1_000 >= bodyBytesPerSecond * readingMs) return undefined
    const rate = `limits.bodyBytesPerSecond, ${bodyBytesPerSecond} bytes a second`
    return {
      status: 408,
      message: `The request's body came slower than ${rate}, for longer than limits.bodyGraceMs, ${bodyGraceMs} ms.`,
    }
  }
}
