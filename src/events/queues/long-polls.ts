/**
 * Receives that wait. A queue without any has no state here; a queue with some has one list and one timer, for the
 * moment at which its next message becomes visible. Nothing polls.
 */
export interface Attempt<T> {
  taken: T[]
  /** ms since the epoch: when the next message can be received. */
  nextDueAt: number | undefined
}

export interface Poll<T> {
  /** Rejects: so does the poll. */
  attempt: () => Promise<Attempt<T>>
  /** For what was taken while the poll was being aborted. */
  giveBack: (taken: T[]) => Promise<void>
  waitMs: number
  signal: AbortSignal | undefined
}

export interface LongPolls<T> extends Disposable {
  /** `[]` after its time, when aborted, and when all this is disposed of. */
  wait(queueId: number, poll: Poll<T>): Promise<T[]>
  /** So many messages can be received now. */
  arrived(queueId: number, count: number): void
  /** A message will be at that time. */
  due(queueId: number, at: number): void
}

interface Waiting<T> {
  poll: Poll<T>
  /** Rising with the order in which they came. */
  place: number
  /** Its time has run out, or it was aborted, while an attempt was in work. */
  ended: boolean
  leave(): void
  resolve(taken: T[]): void
  reject(error: unknown): void
}

interface Line<T> {
  /** By place; those with an attempt in work are not in here. */
  idle: Waiting<T>[]
  trying: number
  /** Counts arrivals, so that an attempt that found nothing knows whether something came meanwhile. */
  arrivals: number
  timer: { at: number; timeout: NodeJS.Timeout } | undefined
}

/** Node's timers take no more. */
const longestTimeoutMs = 2_147_483_647

export function createLongPolls<T>({ now }: { now: () => number }): LongPolls<T> {
  const lines = new Map<number, Line<T>>()
  let closed = false
  let places = 0

  const tryOne = async (queueId: number, line: Line<T>, waiting: Waiting<T>): Promise<void> => {
    line.trying++
    try {
      for (;;) {
        const before = line.arrivals
        const { taken, nextDueAt } = await waiting.poll.attempt()
        if (nextDueAt !== undefined) arm(queueId, line, nextDueAt)
        if (taken.length > 0) {
          // There may be more: the next in line finds out.
          wake(queueId, line, 1)
          waiting.leave()
          return await settle(waiting, taken)
        }
        if (waiting.ended || closed) {
          waiting.leave()
          return waiting.resolve([])
        }
        if (line.arrivals === before) break
      }
      rejoin(line, waiting)
    } catch (error) {
      waiting.leave()
      waiting.reject(error)
    } finally {
      line.trying--
      drop(queueId, line)
    }
  }

  /** First come, first served: it waits where it came. */
  const rejoin = (line: Line<T>, waiting: Waiting<T>): void => {
    const before = line.idle.findLastIndex(({ place }) => place < waiting.place)
    line.idle.splice(before + 1, 0, waiting)
  }

  const settle = async (waiting: Waiting<T>, taken: T[]): Promise<void> => {
    if (waiting.poll.signal?.aborted !== true) return waiting.resolve(taken)
    await waiting.poll.giveBack(taken)
    waiting.resolve([])
  }

  const wake = (queueId: number, line: Line<T>, count: number): void => {
    line.arrivals++
    for (const waiting of line.idle.splice(0, count)) void tryOne(queueId, line, waiting)
  }

  const arm = (queueId: number, line: Line<T>, at: number): void => {
    if (line.timer !== undefined && line.timer.at <= at) return
    clearTimeout(line.timer?.timeout)
    const onTime = (): void => {
      line.timer = undefined
      wake(queueId, line, 1)
      drop(queueId, line)
    }
    const timeout = setTimeout(onTime, Math.min(Math.max(at - now(), 0), longestTimeoutMs))
    line.timer = { at, timeout }
  }

  const drop = (queueId: number, line: Line<T>): void => {
    if (line.idle.length > 0 || line.trying > 0) return
    clearTimeout(line.timer?.timeout)
    line.timer = undefined
    if (lines.get(queueId) === line) lines.delete(queueId)
  }

  const lineOf = (queueId: number): Line<T> => {
    let line = lines.get(queueId)
    if (line === undefined) lines.set(queueId, (line = { idle: [], trying: 0, arrivals: 0, timer: undefined }))
    return line
  }

  return {
    wait: (queueId, poll) =>
      new Promise((resolve, reject) => {
        if (closed || poll.signal?.aborted === true) return resolve([])
        const line = lineOf(queueId)
        const end = (): void => {
          waiting.ended = true
          waiting.leave()
          const place = line.idle.indexOf(waiting)
          if (place === -1) return
          line.idle.splice(place, 1)
          drop(queueId, line)
          resolve([])
        }
        const timeout = setTimeout(end, poll.waitMs)
        poll.signal?.addEventListener('abort', end, { once: true })
        const waiting: Waiting<T> = {
          poll,
          place: places++,
          ended: false,
          leave() {
            clearTimeout(timeout)
            poll.signal?.removeEventListener('abort', end)
          },
          resolve,
          reject,
        }
        void tryOne(queueId, line, waiting)
      }),

    arrived(queueId, count) {
      const line = lines.get(queueId)
      if (line !== undefined) wake(queueId, line, count)
    },

    due(queueId, at) {
      const line = lines.get(queueId)
      if (line !== undefined) arm(queueId, line, at)
    },

    [Symbol.dispose]() {
      closed = true
      for (const line of lines.values()) {
        clearTimeout(line.timer?.timeout)
        for (const waiting of line.idle.splice(0)) {
          waiting.leave()
          waiting.resolve([])
        }
      }
      lines.clear()
    },
  }
}
