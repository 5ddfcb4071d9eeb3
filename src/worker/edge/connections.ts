/** The open connections of a worker's servers, and the request that is under way on each. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { BodyError } from '../../http/body.ts'
import { answerFault, faultMessage, type Fault } from './fault.ts'

/** `req` is the request it answers. */
export type Response = ServerResponse<IncomingMessage>

export interface Connection {
  readonly socket: Socket
  /** Of the request that came last. */
  latest: Response | undefined
  /** It may still bring. */
  requestsLeft: number
  /** It was told that it is at its end, or will be, after what is under way. */
  refused: boolean
}

/** Ours: how long a refused client may take to read why, and to stop sending. */
const lingerMs = 2_000

const goingAway: Fault = {
  status: 503,
  message: 'This process is being replaced: send the request again, over another connection.',
}

/** The response is not whole yet, or not all of it has left. */
export const isOpen = (response: Response | undefined): response is Response => response?.closed === false

export class Connections {
  readonly #connections = new Map<Socket, Connection>()
  #draining = false

  open(socket: Socket, requestsLeft: number): void {
    this.#connections.set(socket, { socket, latest: undefined, requestsLeft, refused: false })
    socket.once('close', () => this.#connections.delete(socket))
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#connections.values()
  }

  latestOf(socket: Socket): Response | undefined {
    return this.#connections.get(socket)?.latest
  }

  /**
   * A request's head is there.
   * @returns whether it may be answered: what comes behind a last response is read as nothing (RFC 9112, section 9.6)
   */
  begin(response: Response): boolean {
    const connection = this.#connections.get(response.req.socket)
    if (connection === undefined || connection.latest?.shouldKeepAlive === false) return false
    connection.latest = response
    // A connection that is kept would keep its client here.
    if (--connection.requestsLeft <= 0 || this.#draining) response.shouldKeepAlive = false
    return true
  }

  /** What came on this connection is no request, or not all of one. Undefined: there is nobody to tell. */
  refuse(socket: Socket, fault: Fault | undefined): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || connection.refused) return
    const { latest } = connection
    connection.refused = true
    if (fault === undefined) {
      // A last response may be under way; that of an unfinished request will never be.
      if (!isOpen(latest) || !latest.req.complete || latest.shouldKeepAlive) socket.destroy()
    } else if (!isOpen(latest)) sendLast(socket, fault)
    else if (!latest.req.complete) cutBody(latest, fault)
    // Responses keep the order of requests, and this one's would be taken for an earlier one's.
    else latest.once('close', () => sendLast(socket, fault))
  }

  /** Those that wait for the function's response or are sending one. */
  responses(): Response[] {
    return [...this].map(({ latest }) => latest).filter(isOpen)
  }

  /**
   * Lets end what is under way; idle connections at once. What is then still on its way in is answered with 503, what is
   * on its way out is cut when the process ends.
   * `closeIdle`: closes those connections on which no request has begun, as only Node knows of heads that are arriving.
   */
  async drain(withinMs: number, closeIdle: () => void): Promise<void> {
    this.#draining = true
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, withinMs)
    const closeUnused = (): void => {
      for (const { socket } of this) if (socket.bytesRead === 0) socket.destroy()
      // Node takes for idle also a connection whose response has ended, but has not left yet.
      if (!this.responses().some(({ writableEnded }) => writableEnded)) closeIdle()
    }
    let planned: NodeJS.Immediate | undefined
    for (const response of this.responses()) {
      if (!response.headersSent) response.shouldKeepAlive = false
      response.once('close', () => {
        planned ??= setImmediate(() => {
          planned = undefined
          closeUnused()
        })
      })
    }
    const gone = Promise.all([...this].map(({ socket }) => closeOf(socket)))
    closeUnused()
    await Promise.race([gone, late])
    clearTimeout(timer)
    closeIdle()
    for (const { socket, latest } of this) {
      if (!isOpen(latest)) this.refuse(socket, goingAway)
      else if (!latest.req.complete && !latest.headersSent) cutBody(latest, goingAway)
    }
  }
}

const bodyErrors: Partial<Record<Fault['status'], BodyError['kind']>> = {
  400: 'protocol',
  408: 'timeout',
  413: 'too-large',
  431: 'too-large',
}

/**
 * A body that will not be whole: its reader is told, but not before the client is, as that closes the connection.
 */
export function cutBody(response: Response, fault: Fault): void {
  const { req, headersSent } = response
  const error = new BodyError(bodyErrors[fault.status] ?? 'aborted', fault.message)
  if (headersSent) return void req.destroy(error)
  response.once('close', () => req.destroy(error))
  answerFault(response, fault)
}

/**
 * The last message of a connection. Closed at once, unread bytes would make a reset of it, which takes the answer from
 * the client: RFC 9112, section 9.6.
 */
function sendLast(socket: Socket, fault: Fault): void {
  if (!socket.writable) return void socket.destroy()
  socket.end(faultMessage(fault))
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref()
  socket.once('close', () => clearTimeout(timer))
}

/** Not `events.once`: that rejects when the socket fails, which also is an end. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve())
  })
}
