import { ChildModule } from '../child.ts'
import type { BenchContext, Figure, FigureResult, Row, Target } from '../figure.ts'
import { summarize } from '../stats.ts'

export interface DensityInput {
  artifactsDir: string
  engine: string
  snapshot: string
  /** How many instances to have, ascending. */
  counts: number[]
}

export interface Resident {
  instances: number
  /** Bytes beyond the first instance, an instance. `pss`: shared file pages divided among those who map them. */
  rssBytes: number
  pssBytes: number
  /** After the private pages have been given back, as the pool does with what has rested. */
  trimmedRssBytes: number
  /** To make one and call it once, ms. */
  makeMs: number
}

export const densityChild = new ChildModule<DensityInput, Resident[]>(new URL('density.child.ts', import.meta.url))

const restedTarget: Omit<Target, 'value'> = {
  label: 'RSS per idle JavaScript instance beyond the first, rested',
  op: '<=',
  limit: 512,
  unit: 'KiB',
}
const usedTarget: Omit<Target, 'value'> = { ...restedTarget, label: 'the same, just used' }

export const densityFigure: Figure = {
  id: 'density',
  title: 'Idle instances',
  targets: [restedTarget, usedTarget],
  needs: ['guests'],
  measure,
}

async function measure({ quick, guests, progress }: BenchContext): Promise<FigureResult> {
  const { artifactsDir, guests: built } = await guests.built()
  const { engine, snapshot } = built['js-0']
  // To make 5,000 takes minutes: in the long run only, and once.
  const rounds = quick ? [[1_000]] : [[1_000], [1_000], [1_000, 5_000]]
  const results: Resident[] = []
  for (const [index, counts] of rounds.entries()) {
    const input: DensityInput = { artifactsDir, engine, snapshot, counts }
    const step = (text: string, share = 0) => progress.step(text, (index + share) / rounds.length)
    results.push(...(await densityChild.run(input, step)))
  }
  const rows: Row[] = []
  for (const count of new Set(results.map(({ instances }) => instances))) {
    const of = results.filter(({ instances }) => instances === count)
    const kib = (bytes: (resident: Resident) => number) => summarize(of.map((resident) => bytes(resident) / 1_024))
    const label = `${count.toLocaleString('en-US')} instances`
    rows.push(
      { label: `${label}, RSS each`, unit: 'KiB', value: kib(({ rssBytes }) => rssBytes) },
      { label: `${label}, of that proportional (PSS)`, unit: 'KiB', value: kib(({ pssBytes }) => pssBytes) },
      { label: `${label}, RSS each when trimmed`, unit: 'KiB', value: kib(({ trimmedRssBytes }) => trimmedRssBytes) },
      { label: `${label}, to make one and call it`, unit: 'ms', value: summarize(of.map(({ makeMs }) => makeMs)) },
    )
  }
  const most = Math.max(...results.map(({ instances }) => instances))
  const atMost = results.filter(({ instances }) => instances === most)
  return {
    rows,
    targets: [
      { ...restedTarget, value: summarize(atMost.map(({ trimmedRssBytes }) => trimmedRssBytes / 1_024)) },
      { ...usedTarget, value: summarize(atMost.map(({ rssBytes }) => rssBytes / 1_024)) },
    ],
    notes: [
      'One function, one process, each instance called once and reset: its private pages stay resident. Rested, or trimmed: after idleTrimMs (10 s) the pool gives them back.',
      'RSS counts a shared page of the snapshot file once for every instance that has touched it; PSS shares it out.',
    ],
    raw: results,
  }
}
