/** Many requests that wait for an outgoing call each, on one worker: what waits must not keep the others. */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BenchContext, Target } from '../figure.ts'
import { describeErrors, LoadGenerator } from '../load/generator.ts'
import type { LoadResult } from '../load/plan.ts'
import { quantile, summarize } from '../stats.ts'
import { httpTarget } from '../subjects/prepared-http.ts'
import { ServerProcess } from '../subjects/process.ts'
import type { ThawServer } from '../subjects/thaw.ts'
import type { HttpPart } from './http.ts'

const concurrent = 200
const waitMs = 100

export const waitTarget: Omit<Target, 'value'> = {
  label: `${concurrent} requests at a time that each wait ${waitMs} ms for an outgoing call, p50 against that wait`,
  op: '<=',
  limit: 1.5,
  unit: 'ratio',
}

export async function measureWaits({ quick, progress }: BenchContext, thaw: ThawServer): Promise<HttpPart> {
  const plan = quick ? { rounds: 4, heatMs: 2_000, durationMs: 800 } : { rounds: 10, heatMs: 4_000, durationMs: 3_000 }
  await using stack = new AsyncDisposableStack()
  const generator = stack.use(new LoadGenerator())
  const module = fileURLToPath(new URL('../load/waiting-server.ts', import.meta.url))
  const args = ['--no-warnings', module, String(waitMs)]
  const upstream = stack.use(
    new ServerProcess({ name: 'the waiting server', command: process.execPath, args, channel: true }),
  )
  const [port]: unknown[] = await upstream.until(() => once(upstream.process, 'message'))
  const path = `/fetch?url=http://localhost:${String(port)}/`
  const target = await httpTarget(thaw, 'http-routes', 'text:waited\n', path)
  let run = 1
  const load = (durationMs: number): Promise<LoadResult> =>
    generator.run('waits', { kind: 'closed', target, connections: concurrent, warmupMs: 0, durationMs, run: run++ })
  progress.step('waits: heating')
  await load(plan.heatMs)
  const results: LoadResult[] = []
  for (let round = 0; round < plan.rounds; round++) {
    progress.step(`waits: round ${round + 1} of ${plan.rounds}`, round / plan.rounds)
    results.push(await load(plan.durationMs))
  }
  const at = (q: number) => results.map(({ latenciesMs }) => quantile(latenciesMs, q))
  return {
    rows: [
      {
        label: `latency: ${concurrent} at a time, each waiting ${waitMs} ms for an outgoing call, 1 worker`,
        unit: 'ms',
        value: summarize(at(0.5)),
        extra: { label: 'p99', value: summarize(at(0.99)) },
        note: describeErrors(results),
      },
    ],
    targets: [{ ...waitTarget, value: summarize(at(0.5).map((ms) => ms / waitMs)) }],
    notes: [
      `Waits: a C component (0.2) sends a request to a server on this machine that answers after ${waitMs} ms, and hands on its answer; ${concurrent} connections, all beginning at once, each sending its next request when it has its answer.`,
    ],
    raw: { waits: { p50: at(0.5), p99: at(0.99) } },
  }
}
