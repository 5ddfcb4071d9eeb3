import { ID_DIGITS, idOf, requestBody } from '../canary.ts'
import { Connection, requestHead } from './connection.ts'
import type { ClosedLoad, LoadResult } from './plan.ts'
import { Recorder } from './recorder.ts'

/** Runs in the generator's process. Rejects only when the server cannot be reached at all. */
export async function runClosedLoad(load: ClosedLoad): Promise<LoadResult> {
  const { target } = load
  const recorder = new Recorder(target.canary)
  const bodyBytes = requestBody('0'.repeat(ID_DIGITS)).length
  const ports = Array.from({ length: load.connections }, (_, index) => target.ports[index % target.ports.length] ?? 0)
  const connections = await Promise.all(ports.map((port) => Connection.open(target.host, port)))
  const countFromMs = performance.now() + load.warmupMs
  const endMs = countFromMs + load.durationMs
  let sent = 0

  const drive = async (first: Connection, port: number): Promise<void> => {
    const head = requestHead({ ...target, port }, bodyBytes)
    let connection = first
    for (let sentMs = performance.now(); sentMs < endMs; sentMs = performance.now()) {
      const id = idOf(load.run, sent++)
      try {
        const answer = await connection.request(head + requestBody(id))
        const counted = answer.endMs >= countFromMs && answer.endMs <= endMs
        recorder.answered(answer, id, answer.endMs - sentMs, sentMs, counted)
      } catch (error) {
        recorder.failed(error instanceof Error ? error.message : String(error))
        connection = await Connection.open(target.host, port)
      }
    }
    connection[Symbol.dispose]()
  }

  await Promise.all(connections.map((connection, index) => drive(connection, ports[index] ?? 0)))
  return recorder.result(load.durationMs / 1_000)
}
