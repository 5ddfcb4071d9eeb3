/** Cold, restore and warm over HTTP: servers started again and again on the same data folder, every function called. */
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { idOf, requestBody } from '../canary.ts'
import type { BenchContext, Figure, FigureResult, Row, Target } from '../figure.ts'
import { Caller, type Timed } from '../load/caller.ts'
import { LoadGenerator } from '../load/generator.ts'
import { formatValue } from '../report/format.ts'
import { stripPlot } from '../report/svg.ts'
import { median, summarize, thinned } from '../stats.ts'
import type { PreparedFunctions } from '../subjects/prepared.ts'
import { invokePath, startThaw, type ThawServer } from '../subjects/thaw.ts'

const firstServerTarget: Omit<Target, 'value'> = {
  label: 'first invocation of a JavaScript function in no worker, server-side p50',
  op: '<=',
  limit: 1,
  unit: 'ms',
}
const firstRatioTarget: Omit<Target, 'value'> = {
  label: 'the same end to end, p50, against its warm p50',
  op: '<=',
  limit: 3,
  unit: 'ratio',
}
const coldTarget: Omit<Target, 'value'> = {
  label: 'first invocation after a server start, everything cold, p50',
  op: '<=',
  limit: 150,
  unit: 'ms',
}
const initTarget: Omit<Target, 'value'> = {
  label: 'a guest whose init takes 100 ms: first byte against init',
  op: '<=',
  limit: 1 / 20,
  unit: 'ratio',
}

export const startsFigure: Figure = {
  id: 'starts',
  title: 'Cold, restore and warm over HTTP',
  targets: [firstServerTarget, firstRatioTarget, coldTarget, initTarget],
  needs: ['deployed'],
  measure,
}

const warmCalls = 25

/** Of one start of the server. Times in ms. */
interface Round {
  startMs: number
  cold: Timed
  /** Each function's first invocation, and the ones after it on the same connection. */
  first: { first: Timed; warmMs: number[]; warmServerMs: number[] }[]
  slowInit: { timed: Timed; initMs: number }[]
}

async function measure({ quick, deployed, progress }: BenchContext): Promise<FigureResult> {
  const rounds = quick ? 4 : 15
  const workers = availableParallelism()
  const { functions } = deployed
  const dataDir = await deployed.folder()
  await using generator = new LoadGenerator()
  const results: Round[] = []
  for (let round = 0; round < rounds; round++) {
    progress.step(`start ${round + 1} of ${rounds}`, round / rounds)
    await using server = await startThaw({ dataDir, workers })
    results.push(await oneStart(server, functions, generator, round, quick ? 400 : 1_500))
  }
  return report(results)
}

async function oneStart(
  server: ThawServer,
  functions: PreparedFunctions,
  generator: LoadGenerator,
  round: number,
  heatMs: number,
): Promise<Round> {
  const target = server.target('echo-js', 'pristine')
  let calls = 0
  const nextId = () => idOf(0xc0_0000 + round, calls++)
  const cold = await withCaller(target, (caller) => caller.call(nextId()))
  // All workers know the engine from here on, and none of the functions that follow.
  await generator.run('heating', {
    kind: 'closed',
    target,
    connections: 16,
    warmupMs: heatMs,
    durationMs: 1,
    run: round,
  })

  const first: Round['first'] = []
  for (const name of functions.first) {
    first.push(
      await withCaller(target, async (caller) => {
        await caller.call(nextId())
        const path = invokePath(name)
        const timed = await caller.call(nextId(), path)
        const warm: Timed[] = []
        for (let call = 0; call < warmCalls; call++) warm.push(await caller.call(nextId(), path))
        return {
          first: timed,
          warmMs: warm.map(({ latencyMs }) => latencyMs),
          warmServerMs: warm.flatMap(({ phasesMs }) => phasesMs.total ?? []),
        }
      }),
    )
  }
  const slowInit: Round['slowInit'] = []
  for (const name of functions.slowInit) {
    const timed = await withCaller(target, async (caller) => {
      await caller.call(nextId())
      return caller.send(requestBody(nextId()), invokePath(name))
    })
    slowInit.push({ timed, initMs: slowInitSchema.parse(JSON.parse(timed.answer.body)).initMs })
  }
  return { startMs: server.startMs, cold, first, slowInit }
}

/** `initMs`: measured by the guest itself while the snapshot was made. Below 100 it was not what it is meant to be. */
const slowInitSchema = z.object({ initMs: z.number().min(100) })

async function withCaller<T>(
  target: Parameters<typeof Caller.open>[0],
  use: (caller: Caller) => Promise<T>,
): Promise<T> {
  using caller = await Caller.open(target)
  return await use(caller)
}

function report(rounds: Round[]): FigureResult {
  const firsts = rounds.flatMap(({ first }) => first)
  const medians = (of: (round: Round) => number[]) => summarize(rounds.map((round) => median(of(round))))
  const firstMs = (round: Round) => round.first.map(({ first }) => first.latencyMs)
  const serverMs = (round: Round) => round.first.flatMap(({ first }) => first.phasesMs.total ?? [])
  const warmMs = (round: Round) => round.first.flatMap(({ warmMs }) => warmMs)
  const row = (label: string, value: ReturnType<typeof summarize>, note?: string): Row => ({
    label,
    unit: 'ms',
    value,
    note,
  })
  const cold = rounds.map(({ cold }) => cold)
  const slow = rounds.flatMap(({ slowInit }) => slowInit)
  const ratio = summarize(rounds.map((round) => median(firstMs(round)) / median(warmMs(round))))
  const initRatio = summarize(
    rounds.map(({ slowInit }) => median(slowInit.map(({ timed, initMs }) => timed.firstByteMs / initMs))),
  )
  return {
    rows: [
      row('from starting the process until it serves', summarize(rounds.map(({ startMs }) => startMs))),
      row('first invocation after that, end to end', summarize(cold.map(({ latencyMs }) => latencyMs)), kindsOf(cold)),
      row('the same, server-side', summarize(cold.flatMap(({ phasesMs }) => phasesMs.total ?? [])), phasesOf(cold)),
      row('first invocation of a function, end to end', medians(firstMs), kindsOf(firsts.map(({ first }) => first))),
      row('the same, server-side', medians(serverMs), phasesOf(firsts.map(({ first }) => first))),
      row('its warm invocations, end to end', medians(warmMs)),
      row(
        'the same, server-side',
        medians((round) => round.first.flatMap(({ warmServerMs }) => warmServerMs)),
      ),
      row(
        'first byte of a function whose init takes 100 ms',
        medians(({ slowInit }) => slowInit.map(({ timed }) => timed.firstByteMs)),
        kindsOf(slow.map(({ timed }) => timed)),
      ),
    ],
    targets: [
      { ...firstServerTarget, value: medians(serverMs) },
      { ...firstRatioTarget, value: ratio },
      { ...coldTarget, value: summarize(cold.map(({ latencyMs }) => latencyMs)) },
      { ...initTarget, value: initRatio },
    ],
    notes: [
      `${rounds.length} server starts on one data folder, files in the page cache; ${rounds[0]?.first.length ?? 0} functions called for the first time in each, then ${warmCalls} times more on the same connection, so by the same worker. The engine is hot: another function of it had been under load.`,
      'Server-side is Server-Timing’s total. Connections are open before; only the very first invocation of a server meets a process that has served nothing.',
    ],
    plots: [
      {
        name: 'cold-against-warm',
        svg: stripPlot({
          title: 'Starts, end to end over HTTP',
          subtitle: 'QuickJS functions; a dot an invocation, the bar the median',
          axis: 'latency, ms (logarithmic)',
          series: [
            { label: 'cold: after a server start', values: cold.map(({ latencyMs }) => latencyMs) },
            { label: 'first call, 100 ms init', values: slow.map(({ timed }) => timed.latencyMs) },
            { label: 'first call of a function', values: firsts.map(({ first }) => first.latencyMs) },
            {
              label: 'warm',
              values: thinned(
                firsts.flatMap(({ warmMs }) => warmMs),
                400,
              ),
            },
          ],
        }),
      },
    ],
    raw: rounds.map(({ startMs, cold, first, slowInit }) => ({
      startMs,
      cold: plain(cold),
      first: first.map(({ first, warmMs }) => ({ ...plain(first), warmP50Ms: median(warmMs) })),
      slowInit: slowInit.map(({ timed, initMs }) => ({ ...plain(timed), initMs })),
    })),
  }
}

function plain({ latencyMs, firstByteMs, phasesMs, start }: Timed): object {
  return { latencyMs, firstByteMs, phasesMs, start }
}

/** `restore 40, cold 2`: what Server-Timing called them. */
function kindsOf(timed: readonly Timed[]): string {
  const counts = new Map<string, number>()
  for (const { start } of timed) counts.set(start ?? 'unsaid', (counts.get(start ?? 'unsaid') ?? 0) + 1)
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ')
}

/** `init 60.1 ms, run 2.3 ms`: medians of Server-Timing's phases. */
function phasesOf(timed: readonly Timed[]): string {
  const parts = (['init', 'restore', 'run'] as const).flatMap((phase) => {
    const values = timed.flatMap(({ phasesMs }) => phasesMs[phase] ?? [])
    return values.length === 0 ? [] : [`${phase} ${formatValue(median(values), 'ms')}`]
  })
  return parts.join(', ')
}
