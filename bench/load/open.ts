import { setTimeout as sleep } from 'node:timers/promises'
import { ID_DIGITS, idOf, requestBody } from '../canary.ts'
import { Connection, requestHead } from './connection.ts'
import type { LoadResult, OpenLoad } from './plan.ts'
import { Recorder } from './recorder.ts'

interface Seat {
  port: number
  head: string
  connection: Connection
}

interface Due {
  id: string
  dueMs: number
}

/** This close to the next request the generator spins: a timer would be up to a millisecond late. */
const spinMs = 2
/** How long answers may take after the last request was due. */
const patienceMs = 10_000

/** Runs in the generator's process. Rejects only when the server cannot be reached at all. */
export async function runOpenLoad(load: OpenLoad): Promise<LoadResult> {
  const { target } = load
  const recorder = new Recorder(target.canary)
  const bodyBytes = requestBody('0'.repeat(ID_DIGITS)).length
  const idle = await Promise.all(
    Array.from({ length: load.connections }, async (_, index): Promise<Seat> => {
      const port = target.ports[index % target.ports.length] ?? 0
      const head = requestHead({ ...target, port }, bodyBytes)
      return { port, head, connection: await Connection.open(target.host, port) }
    }),
  )
  const seats = [...idle]
  /** Due, with no connection free. Their time runs all the same. */
  const queue: Due[] = []
  const startMs = performance.now() + spinMs
  const countFromMs = startMs + load.warmupMs
  const total = Math.floor(((load.warmupMs + load.durationMs) * load.ratePerSecond) / 1_000)

  const exchange = async (seat: Seat, { id, dueMs }: Due): Promise<void> => {
    try {
      const answer = await seat.connection.request(seat.head + requestBody(id))
      recorder.answered(answer, id, answer.endMs - dueMs, performance.timeOrigin + dueMs, dueMs >= countFromMs)
    } catch (error) {
      recorder.failed(error instanceof Error ? error.message : String(error))
      seat.connection = await Connection.open(target.host, seat.port)
    }
  }
  /** Until nobody waits for this connection any more. */
  const serve = async (seat: Seat, first: Due): Promise<void> => {
    for (let due: Due | undefined = first; due !== undefined; due = queue.shift()) await exchange(seat, due)
    idle.push(seat)
  }

  const serving: Promise<void>[] = []
  await onSchedule(total, startMs, 1_000 / load.ratePerSecond, (n, dueMs) => {
    const due = { id: idOf(load.run, n), dueMs }
    // The one that has rested longest: all connections, so all workers, get their share.
    const seat = idle.shift()
    if (seat === undefined) return queue.push(due)
    const served = serve(seat, due)
    // It is looked at below, when all are on their way.
    served.catch(() => {})
    return serving.push(served)
  })
  const late = sleep(patienceMs, 'late', { ref: false })
  const end = await Promise.race([Promise.all(serving), late])
  if (end === 'late') recorder.failed(`no answer within ${patienceMs} ms of the end`)
  for (const { connection } of seats) connection[Symbol.dispose]()
  return recorder.result(load.durationMs / 1_000)
}

/** Calls `fire` for each of `total` requests as soon as it is due. */
function onSchedule(
  total: number,
  startMs: number,
  everyMs: number,
  fire: (n: number, dueMs: number) => unknown,
): Promise<void> {
  return new Promise((resolve) => {
    let n = 0
    const step = (): void => {
      for (;;) {
        if (n >= total) return resolve()
        const dueMs = startMs + n * everyMs
        const leftMs = dueMs - performance.now()
        if (leftMs > spinMs) {
          setTimeout(step, Math.floor(leftMs - spinMs + 1))
          return
        }
        if (leftMs > 0) {
          setImmediate(step)
          return
        }
        fire(n++, dueMs)
      }
    }
    step()
  })
}
