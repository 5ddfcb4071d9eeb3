/** A gibibyte through a guest: how fast, and that none of it stays. */
import { request } from 'node:http'
import type { BenchContext, Row, Target } from '../figure.ts'
import type { LoadTarget } from '../load/plan.ts'
import { summarize } from '../stats.ts'
import { httpTarget } from '../subjects/prepared-http.ts'
import type { ThawServer } from '../subjects/thaw.ts'
import type { HttpPart } from './http.ts'

const volumeBytes = 2 ** 30
const mib = 2 ** 20

const echoes = [
  { name: 'http-routes', path: '/echo', label: 'C, 0.2 echo', isTarget: true },
  { name: 'http-echo-03', path: '/', label: 'WebAssembly text, 0.3 echo', isTarget: true },
  { name: 'http-through-03', path: '/', label: "0.3, the request's stream given on", isTarget: false },
] as const

const targetOf = (label: string): Omit<Target, 'value'> => ({
  label: `growth of a worker's RSS over 1 GiB through it: ${label}`,
  op: '<=',
  limit: 64,
  unit: 'MiB',
})

export const volumeTargets = echoes.filter(({ isTarget }) => isTarget).map(({ label }) => targetOf(label))

export async function measureVolume({ quick, progress }: BenchContext, thaw: ThawServer): Promise<HttpPart> {
  const rounds = quick ? 1 : 3
  const rows: Row[] = []
  const targets: Target[] = []
  for (const { name, path, label, isTarget } of echoes) {
    const target = await httpTarget(thaw, name, 'constant', path)
    progress.step(`1 GiB: ${label}`)
    await passThrough(target, 4 * mib)
    const [grown, rates]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      const before = thaw.workersRssBytes() ?? Number.NaN
      let most = before
      const watch = setInterval(() => (most = Math.max(most, thaw.workersRssBytes() ?? Number.NaN)), 20)
      const began = performance.now()
      try {
        await passThrough(target, volumeBytes)
      } finally {
        clearInterval(watch)
      }
      rates.push(volumeBytes / mib / ((performance.now() - began) / 1_000))
      grown.push((most - before) / mib)
    }
    const value = summarize(grown)
    rows.push({ label: `1 GiB through: ${label}`, unit: 'MiB/s', value: summarize(rates) })
    rows.push({ label: `growth of the worker's RSS: ${label}`, unit: 'MiB', value })
    if (isTarget) targets.push({ ...targetOf(label), value })
  }
  return {
    rows,
    targets,
    notes: [
      "Volume: one request with a body of 1 GiB in chunks, read back as it comes, after one of 4 MiB. Growth: the highest resident size in a sample every 20 ms, less that at the beginning. The client, in the bench's own process, checks the order of what comes back.",
    ],
  }
}

/** Sends so many bytes and reads as many back. Errors: any other number, or another order. */
function passThrough(target: LoadTarget, bytes: number): Promise<void> {
  const { host, ports, path, headers } = target
  const block = Buffer.from(Array.from({ length: 65_536 }, (_, index) => index & 0xff))
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port: ports[0], path, method: 'POST', headers, agent: false })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      let received = 0
      incoming.on('error', reject)
      incoming.on('data', (chunk: Buffer) => {
        if (chunk[0] !== (received & 0xff))
          incoming.destroy(new Error(`${path}: the echo is out of order at ${received}`))
        received += chunk.length
      })
      incoming.on('end', () => {
        if (received === bytes) resolve()
        else reject(new Error(`${path} answered ${incoming.statusCode} and ${received} of ${bytes} bytes`))
      })
    })
    let left = bytes
    const send = (): void => {
      while (left > 0) {
        left -= block.length
        if (!outgoing.write(block)) return void outgoing.once('drain', send)
      }
      outgoing.end()
    }
    send()
  })
}
