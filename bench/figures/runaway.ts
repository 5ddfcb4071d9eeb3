/** A function that never ends, and what the others on its worker notice of it. */
import { z } from 'zod'
import type { BenchContext, Figure, FigureResult, Target } from '../figure.ts'
import { Caller } from '../load/caller.ts'
import { fieldOf } from '../load/connection.ts'
import { describeErrors, LoadGenerator } from '../load/generator.ts'
import type { LoadResult } from '../load/plan.ts'
import { quantile, ratioOfRounds, summarize } from '../stats.ts'
import { invokePath, startThaw, type ThawServer } from '../subjects/thaw.ts'

const endTarget: Omit<Target, 'value'> = {
  label: 'end of a runaway after its deadline',
  op: '<=',
  limit: 10,
  unit: 'ms',
}
const neighboursTarget: Omit<Target, 'value'> = {
  label: "neighbours' p99 meanwhile against before",
  op: '<=',
  limit: 2,
  unit: 'ratio',
}

export const runawayFigure: Figure = {
  id: 'runaway',
  title: 'A runaway and its neighbours',
  targets: [endTarget, neighboursTarget],
  needs: ['deployed'],
  measure,
}

/** Lambda's shortest timeout, which the function has. */
const timeoutMs = 1_000
const beforeMs = 1_000
const ratePerSecond = 400

interface Round {
  before: Float64Array
  during: Float64Array
  /** As its caller saw it, and as its REPORT line has it. */
  endMs: number
  reportedEndMs: number | undefined
  load: LoadResult
}

async function measure({ quick, deployed, progress }: BenchContext): Promise<FigureResult> {
  const rounds = quick ? 4 : 15
  const dataDir = await deployed.folder()
  await using generator = new LoadGenerator()
  // One worker: the neighbours have nowhere else to go.
  await using server = await startThaw({ dataDir, workers: 1 })
  const target = server.target('echo-js', 'pristine')
  const heat = {
    kind: 'closed',
    target,
    connections: 16,
    warmupMs: quick ? 700 : 3_000,
    durationMs: 1,
    run: 0,
  } as const
  progress.step('heating')
  await generator.run('heating', heat)
  const results: Round[] = []
  for (let round = 0; round < rounds; round++) {
    progress.step(`round ${round + 1} of ${rounds}`, round / rounds)
    results.push(await oneRound(server, generator, round + 1))
  }
  return report(results)
}

async function oneRound(server: ThawServer, generator: LoadGenerator, run: number): Promise<Round> {
  const warmupMs = 200
  const durationMs = beforeMs + timeoutMs + 200
  const target = server.target('echo-js', 'pristine')
  const began = performance.now()
  const loading = generator.run('neighbours', {
    kind: 'open',
    target,
    connections: 16,
    ratePerSecond,
    warmupMs,
    durationMs,
    run,
  })
  using caller = await Caller.open(target)
  await new Promise((resolve) => {
    setTimeout(resolve, warmupMs + beforeMs - (performance.now() - began))
  })
  const fromMs = performance.timeOrigin + performance.now()
  const ended = await caller.send('{}', invokePath('spin'), { 'x-amz-log-type': 'Tail' })
  const untilMs = performance.timeOrigin + performance.now()
  failureSchema.parse(JSON.parse(ended.answer.body))
  const load = await loading
  const within = (from: number, until: number) =>
    load.latenciesMs.filter((_, index) => {
      const dueMs = load.dueAtMs[index] ?? 0
      return dueMs >= from && dueMs < until
    })
  return {
    before: within(0, fromMs),
    during: within(fromMs, untilMs),
    endMs: ended.latencyMs - timeoutMs,
    reportedEndMs: reportedDurationMs(ended.answer.head, timeoutMs),
    load,
  }
}

/** It ended as it must, and not otherwise. */
const failureSchema = z.object({ errorType: z.literal('Sandbox.Timedout') })

/** What the REPORT line says the invocation took, beyond `limitMs`. */
function reportedDurationMs(head: string, limitMs: number): number | undefined {
  const log = Buffer.from(fieldOf(head, 'x-amz-log-result') ?? '', 'base64').toString()
  const duration = /\tDuration: ([\d.]+) ms/.exec(log)?.[1]
  return duration === undefined ? undefined : Number(duration) - limitMs
}

function report(rounds: Round[]): FigureResult {
  const p = (q: number, of: (round: Round) => Float64Array) => rounds.map((round) => quantile(of(round), q))
  const before = (round: Round) => round.before
  const during = (round: Round) => round.during
  const note = describeErrors(rounds.map(({ load }) => load))
  const ends = summarize(rounds.map(({ endMs }) => endMs))
  const ratio = ratioOfRounds(p(0.99, during), p(0.99, before))
  return {
    rows: [
      { label: 'end after the deadline, as its caller sees it', unit: 'ms', value: ends },
      {
        label: 'the same, by the REPORT line',
        unit: 'ms',
        value: summarize(rounds.flatMap(({ reportedEndMs }) => reportedEndMs ?? [])),
      },
      {
        label: 'neighbours before, p50',
        unit: 'ms',
        value: summarize(p(0.5, before)),
        extra: { label: 'p99', value: summarize(p(0.99, before)) },
      },
      {
        label: 'neighbours meanwhile, p50',
        unit: 'ms',
        value: summarize(p(0.5, during)),
        extra: { label: 'p99', value: summarize(p(0.99, during)) },
        note,
      },
    ],
    targets: [
      { ...endTarget, value: ends },
      { ...neighboursTarget, value: ratio },
    ],
    notes: [
      `One worker; ${ratePerSecond} QuickJS invocations a second at fixed times, ${beforeMs} ms before and while an endless loop with a timeout of ${timeoutMs} ms runs on it; ${rounds.length} rounds, p99 of each.`,
    ],
    raw: rounds.map((round) => ({
      endMs: round.endMs,
      reportedEndMs: round.reportedEndMs,
      before: { p50: quantile(round.before, 0.5), p99: quantile(round.before, 0.99), n: round.before.length },
      during: { p50: quantile(round.during, 0.5), p99: quantile(round.during, 0.99), n: round.during.length },
    })),
  }
}
