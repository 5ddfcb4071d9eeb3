/** How soon a client has what a guest writes first. */
import { connect, type Socket } from 'node:net'
import type { BenchContext, Target } from '../figure.ts'
import { requestHead } from '../load/connection.ts'
import type { LoadTarget } from '../load/plan.ts'
import { summarize } from '../stats.ts'
import { httpTarget } from '../subjects/prepared-http.ts'
import type { ThawServer } from '../subjects/thaw.ts'
import type { HttpPart } from './http.ts'

export const firstByteTarget: Omit<Target, 'value'> = {
  label: "from a guest's first write to the client's first byte, at most",
  op: '<=',
  limit: 1,
  unit: 'ms',
}

/** All in ms; `wroteMs` by the guest's clock, which runs as this process's does from another origin. */
interface Sample {
  sentMs: number
  wroteMs: number
  receivedMs: number
  endedMs: number
}

export async function measureFirstByte({ quick, progress }: BenchContext, thaw: ThawServer): Promise<HttpPart> {
  const count = quick ? 150 : 1_000
  const target = await httpTarget(thaw, 'http-clock', 'constant')
  const samples: Sample[] = []
  const socket = connect({ host: target.host, port: target.ports[0] ?? 0, noDelay: true })
  try {
    // The first are not warm.
    for (let index = -20; index < count; index++) {
      if (index % 50 === 0) progress.step('first byte', index / count)
      const sample = await ask(socket, target)
      if (index >= 0) samples.push(sample)
    }
  } finally {
    socket.destroy()
  }
  // A guest cannot have written before its request was sent: by the fastest one, its clock is at least so far behind.
  const behindMs = samples.reduce((most, { sentMs, wroteMs }) => Math.max(most, sentMs - wroteMs), -Infinity)
  const tookMs = samples.map(({ wroteMs, receivedMs }) => receivedMs - (wroteMs + behindMs))
  const turnMs = samples.map(({ sentMs, receivedMs }) => receivedMs - sentMs)
  const restMs = samples.map(({ receivedMs, endedMs }) => endedMs - receivedMs)
  return {
    rows: [
      { label: "guest's first write to client's first byte, at most", unit: 'ms', value: summarize(tookMs) },
      { label: 'the same from sending the request', unit: 'ms', value: summarize(turnMs) },
      {
        label: 'from there to the end of the response, which the guest holds back for 10 ms',
        unit: 'ms',
        value: summarize(restMs),
      },
    ],
    targets: [{ ...firstByteTarget, value: summarize(tookMs) }],
    notes: [
      "First byte: a C component (0.2) writes what its monotonic clock says and goes on for 10 ms; a raw socket notes when that arrived. The clocks of worker and client run alike from different origins; the offset is taken such that the fastest request would have reached the guest in no time, so the numbers are upper bounds: they have that request's way in them.",
    ],
    raw: { firstByteMs: tookMs },
  }
}

function ask(socket: Socket, target: LoadTarget): Promise<Sample> {
  const head = requestHead({ ...target, port: target.ports[0] ?? 0 }, 0)
  return new Promise((resolve, reject) => {
    let text = ''
    let wroteMs: number | undefined
    let receivedMs = 0
    const onData = (data: Buffer): void => {
      const nowMs = performance.now()
      text += data.toString('latin1')
      if (wroteMs === undefined) {
        const written = /\r\n(\d{16,20})\n/.exec(text)?.[1]
        if (written === undefined) return
        wroteMs = Number(BigInt(written) - BigInt(Math.floor(performance.timeOrigin)) * 1_000_000n) / 1e6
        receivedMs = nowMs
      }
      if (!text.endsWith('end\n\r\n0\r\n\r\n')) return
      socket.off('data', onData)
      socket.off('error', reject)
      resolve({ sentMs, wroteMs, receivedMs, endedMs: nowMs })
    }
    socket.on('data', onData)
    socket.on('error', reject)
    const sentMs = performance.now()
    socket.write(head, 'latin1')
  })
}
