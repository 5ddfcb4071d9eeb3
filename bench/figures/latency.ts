import { availableParallelism } from 'node:os'
import { type BenchContext, type Figure, type FigureResult, NotMeasured, type Row } from '../figure.ts'
import { describeErrors, LoadGenerator } from '../load/generator.ts'
import type { LoadResult } from '../load/plan.ts'
import { distributionPlot } from '../report/svg.ts'
import { interleave } from '../rounds.ts'
import { quantile, ratioOfRounds, summarize, thinned } from '../stats.ts'
import { startConstantServer } from '../subjects/constant.ts'
import type { Subject } from '../subjects/subject.ts'
import { startThaw, thawSubject } from '../subjects/thaw.ts'

/** Well below what any of them can take: what is timed is the way through, not a queue. */
const ratePerSecond = 300
/** `jco serve` answers some twenty a second. */
const slowRatePerSecond = 4

export const latencyFigure: Figure = {
  id: 'latency',
  title: 'Latency over HTTP at a fixed rate',
  targets: [],
  needs: ['deployed', 'peers'],
  measure,
}

async function measure({ quick, deployed, peers, progress }: BenchContext): Promise<FigureResult> {
  const plan = quick
    ? { rounds: 3, warmupMs: 100, durationMs: 500, heatMs: 400, slowMs: 750 }
    : { rounds: 10, warmupMs: 500, durationMs: 4_000, heatMs: 3_000, slowMs: 5_000 }
  const workers = availableParallelism()
  await using stack = new AsyncDisposableStack()
  const generator = stack.use(new LoadGenerator())
  const dataDir = await deployed.folder()
  const thaw = stack.use(await startThaw({ dataDir, workers }))
  const subjects = new Map<string, Subject>([
    ['Hono constant', stack.use(await startConstantServer(workers))],
    ['Thaw, AssemblyScript echo', thawSubject(thaw, 'echo-as')],
    ['Thaw, QuickJS echo', thawSubject(thaw, 'echo-js')],
    ['Hono constant, once more (A/A)', stack.use(await startConstantServer(workers))],
  ])
  const notes: string[] = []
  const peer = async (name: string, start: () => Promise<Subject>): Promise<void> => {
    try {
      subjects.set(name, stack.use(await start()))
    } catch (error) {
      if (!(error instanceof NotMeasured)) throw error
      notes.push(`${name}: not measured: ${error.message}`)
    }
  }
  await peer('workerd, JavaScript echo', () => peers.workerd(workers))
  const jco = 'jco serve, StarlingMonkey echo'
  await peer(jco, () => peers.jcoServe())

  let run = 1
  for (const [name, { target }] of subjects) {
    progress.step(`heating ${name}`)
    const connections = name === jco ? 1 : 16
    await generator.run(name, { kind: 'closed', target, connections, warmupMs: plan.heatMs, durationMs: 1, run: run++ })
  }
  const names = [...subjects.keys()]
  let done = 0
  const results = await interleave(names, plan.rounds, async (name, round) => {
    progress.step(`round ${round + 1} of ${plan.rounds}, ${name}`, done++ / (names.length * plan.rounds))
    const target = subjects.get(name)?.target
    if (target === undefined) throw new Error(`no subject ${name}`)
    const pace =
      name === jco
        ? { connections: 4, ratePerSecond: slowRatePerSecond, warmupMs: 0, durationMs: plan.slowMs }
        : { connections: 16, ratePerSecond, warmupMs: plan.warmupMs, durationMs: plan.durationMs }
    return generator.run(name, { kind: 'open', target, ...pace, run: run++ })
  })
  return report(results, notes)
}

function report(results: Map<string, LoadResult[]>, notes: string[]): FigureResult {
  const at = (name: string, q: number) => (results.get(name) ?? []).map(({ latenciesMs }) => quantile(latenciesMs, q))
  const rows = [...results].map(([name, measured]): Row => {
    const note = describeErrors(measured)
    const extra = { label: 'p99', value: summarize(at(name, 0.99)) }
    return { label: name, unit: 'ms', value: summarize(at(name, 0.5)), extra, note }
  })
  const [constant, again] = ['Hono constant', 'Hono constant, once more (A/A)']
  const ratio = (label: string, name: string) =>
    rows.push({ label, unit: 'ratio', value: ratioOfRounds(at(name, 0.5), at(constant, 0.5)) })
  ratio('AssemblyScript echo against Hono constant, p50', 'Thaw, AssemblyScript echo')
  ratio('QuickJS echo against Hono constant, p50', 'Thaw, QuickJS echo')
  ratio('A/A: Hono constant against Hono constant, p50', again)
  const all = (measured: LoadResult[]) => measured.flatMap(({ latenciesMs }) => [...latenciesMs])
  const shown = [...results].filter(([name]) => name !== again)
  return {
    rows,
    targets: [],
    notes: [
      `${ratePerSecond} requests a second at fixed times (jco serve: ${slowRatePerSecond}), over 16 connections, each timed from when it was due: a stall counts for all who would have come meanwhile.`,
      ...notes,
    ],
    plots: [
      {
        name: 'latency-distribution',
        svg: distributionPlot({
          title: 'Latency over HTTP',
          subtitle: `open loop, ${ratePerSecond} requests/s (jco serve: ${slowRatePerSecond}/s); every Thaw answer from a pristine instance`,
          axis: 'latency from when the request was due, ms (logarithmic)',
          series: shown.map(([label, measured]) => ({ label, values: all(measured) })),
        }),
      },
    ],
    raw: Object.fromEntries(
      [...results].map(([name, measured]) => [
        name,
        { p50: at(name, 0.5), p99: at(name, 0.99), latenciesMs: thinned(all(measured), 500) },
      ]),
    ),
  }
}
