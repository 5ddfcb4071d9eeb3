import type { RestoreWay } from '../../src/snapshot/restorer.ts'
import { ChildModule } from '../child.ts'
import type { BenchContext, Figure, FigureResult, Row, Target } from '../figure.ts'
import { quantile, ratioOfRounds, summarize, type Summary } from '../stats.ts'

export interface ResetInput {
  rounds: number
  timeMs: number
}

export interface ResetOutput {
  way: RestoreWay
  /** Samples by task and round, us. */
  rounds: Record<string, number[][]>
}

export const resetChild = new ChildModule<ResetInput, ResetOutput>(new URL('reset.child.ts', import.meta.url))

const p50Target: Omit<Target, 'value'> = {
  label: 'reset against a new Instance and Memory, p50',
  op: '<=',
  limit: 1 / 50,
  unit: 'ratio',
}
const p99Target: Omit<Target, 'value'> = { ...p50Target, label: 'the same, p99', limit: 1 / 100 }

/** Labels of the child's tasks, in the order of the table. */
const labels: Record<string, string> = {
  reset: 'reset',
  'new 448': 'new Instance and Memory, 448 KiB of data',
  'new 64': 'the same, 64 KiB of data',
  'new 0': 'the same, no data',
  'reset, run': 'reset, with the run that dirties the pages',
  'new 448, run': 'new, 448 KiB, with that run',
  'reset again': 'reset, once more (A/A)',
}

export const resetFigure: Figure = {
  id: 'reset',
  title: 'Reset of a memory',
  targets: [p50Target, p99Target],
  needs: [],
  measure,
}

async function measure({ quick, progress }: BenchContext): Promise<FigureResult> {
  const input: ResetInput = quick ? { rounds: 5, timeMs: 80 } : { rounds: 20, timeMs: 300 }
  const { way, rounds } = await resetChild.run(input, (text, share) => progress.step(text, share))
  const at = (name: string, q: number) => (rounds[name] ?? []).map((samples) => quantile(samples, q))
  const ratio = (name: string, q: number): Summary => ratioOfRounds(at('reset', q), at(name, q))
  const rows = Object.entries(labels).map(([name, label]): Row => ({
    label,
    unit: 'us',
    value: summarize(at(name, 0.5)),
    extra: { label: 'p99', value: summarize(at(name, 0.99)) },
  }))
  const band: Row = { label: 'A/A: reset against reset, p50', unit: 'ratio', value: ratio('reset again', 0.5) }
  const less: Row = { label: 'reset against new with 64 KiB, p50', unit: 'ratio', value: ratio('new 64', 0.5) }
  return {
    rows: [...rows, less, band],
    targets: [
      { ...p50Target, value: ratio('new 448', 0.5) },
      { ...p99Target, value: ratio('new 448', 0.99) },
    ],
    notes: [
      `4 MiB of memory, 16 pages dirty and far apart; way in use: ${way}.`,
      "The target is held against an image with 448 KiB of data, somewhat less than a QuickJS function's; what a new instance costs depends on that, a reset does not.",
    ],
    raw: { way, p50: mapRounds(rounds, 0.5), p99: mapRounds(rounds, 0.99) },
  }
}

function mapRounds(rounds: Record<string, number[][]>, q: number): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(rounds).map(([name, samples]) => [name, samples.map((round) => quantile(round, q))]),
  )
}
