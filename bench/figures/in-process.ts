import { ChildModule } from '../child.ts'
import type { BenchContext, Figure, FigureResult, Row } from '../figure.ts'
import type { BuiltGuests } from '../guests/guests.ts'
import { quantile, ratioOfRounds, summarize } from '../stats.ts'

export const guestKinds = ['js', 'as', 'sm'] as const

export type GuestKind = (typeof guestKinds)[number]

export interface InProcessInput {
  built: BuiltGuests
  rounds: number
  timeMs: number
}

/** Samples by guest, mode and round, us. */
export type InProcessOutput = Record<string, Record<string, number[][]>>

export const inProcessChild = new ChildModule<InProcessInput, InProcessOutput>(
  new URL('in-process.child.ts', import.meta.url),
)

const labels: Record<GuestKind, string> = { js: 'QuickJS', as: 'AssemblyScript', sm: 'StarlingMonkey' }
const modes = ['new (jco)', 'new (Thaw)', 're-imaged', 'reset', 'no reset', 'raw module', 'reset again']

export const inProcessFigure: Figure = {
  id: 'in-process',
  title: 'One invocation in process',
  targets: [],
  needs: ['guests'],
  measure,
}

async function measure({ quick, guests: built, progress }: BenchContext): Promise<FigureResult> {
  const input: InProcessInput = {
    built: await built.built(),
    ...(quick ? { rounds: 4, timeMs: 50 } : { rounds: 15, timeMs: 400 }),
  }
  const output = await inProcessChild.run(input, (text, share) => progress.step(text, share))
  const rows: Row[] = []
  const raw: Record<string, unknown> = {}
  for (const kind of guestKinds) {
    const label = labels[kind]
    const rounds = output[kind] ?? {}
    const at = (mode: string, q: number) => (rounds[mode] ?? []).map((samples) => quantile(samples, q))
    for (const mode of modes) {
      if (rounds[mode] === undefined) continue
      const extra = { label: 'p99', value: summarize(at(mode, 0.99)) }
      rows.push({ label: `${label}, ${mode}`, unit: 'us', value: summarize(at(mode, 0.5)), extra })
    }
    const kept = ratioOfRounds(at('reset', 0.5), at('no reset', 0.5))
    rows.push({ label: `${label}, reset against no reset`, unit: 'ratio', value: kept })
    raw[kind] = Object.fromEntries(modes.map((mode) => [mode, { p50: at(mode, 0.5), p99: at(mode, 0.99) }]))
  }
  return {
    rows,
    targets: [],
    notes: [
      'Each figure is all that the thread does for one invocation: having the instance, the call, and the reset after it.',
      'new (jco): the glue instantiated as jco does, core modules compiled before, a minimal WASI host in memory. no reset: the memory is left as it is; globals, tables and handles go back. raw module: the same echo through @assemblyscript/loader, nothing reset, no component.',
      'StarlingMonkey: a thaw:function component by `jco componentize`, which has no asynchronous exports: `handle` is lifted synchronously.',
    ],
    raw,
  }
}
