/**
 * `npm run bench`: every figure of the issue, with its spread, against its target.
 *   --quick         fewer and shorter rounds: within two minutes, once everything is built
 *   --only a,b      these figures only
 *   --list          what figures there are
 */
import { parseArgs } from 'node:util'
import { CanaryBreach } from './canary.ts'
import { NotMeasured, type BenchContext, type Figure, type Need } from './figure.ts'
import { densityFigure } from './figures/density.ts'
import { eventsFigure } from './figures/events.ts'
import { httpFigure } from './figures/http.ts'
import { inProcessFigure } from './figures/in-process.ts'
import { latencyFigure } from './figures/latency.ts'
import { resetFigure } from './figures/reset.ts'
import { runawayFigure } from './figures/runaway.ts'
import { startsFigure } from './figures/starts.ts'
import { throughputFigure } from './figures/throughput.ts'
import { createGuests } from './guests/guests.ts'
import { createProgress } from './report/progress.ts'
import { machine, writeResults } from './report/results.ts'
import { renderFigure, renderTargets, targetsOf, type Outcome } from './report/terminal.ts'
import { createPeers } from './subjects/peers.ts'
import { createDeployedHttp } from './subjects/prepared-http.ts'
import { createDeployed } from './subjects/prepared.ts'

const figures: Figure[] = [
  resetFigure,
  inProcessFigure,
  startsFigure,
  throughputFigure,
  latencyFigure,
  densityFigure,
  runawayFigure,
  eventsFigure,
  httpFigure,
]

// What has been started ends with the process (subjects/process.ts), so it must end by itself, not by the signal.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, list: { type: 'boolean' } },
})
if (options.list === true) {
  for (const { id, title } of figures) print(`${id}  ${title}`)
} else {
  const run = chosen(options.only)
  process.exitCode = run === undefined ? 2 : await bench(options.quick, run)
}

/** Undefined if one of them does not exist: then that has been said. */
function chosen(only: string | undefined): Figure[] | undefined {
  if (only === undefined) return figures
  const wanted = only.split(',')
  const unknown = wanted.find((id) => !figures.some((figure) => figure.id === id))
  if (unknown === undefined) return figures.filter(({ id }) => wanted.includes(id))
  print(`There is no figure ${unknown}: ${figures.map(({ id }) => id).join(', ')}`)
  return undefined
}

async function bench(quick: boolean, chosen: Figure[]): Promise<number> {
  const startedAt = new Date()
  const here = machine()
  print(`Thaw bench, ${quick ? 'short' : 'full'} run: ${here.cpu}, ${here.cores} cores, ${here.memoryGib} GiB,`)
  print(`${here.kernel}, Node ${here.node.slice(1)}, commit ${here.commit}\n`)
  const progress = createProgress({ out: process.stderr, figures: chosen.length })
  const onStep = (text: string) => progress.step(text)
  const peers = createPeers(onStep)
  const context: BenchContext = {
    quick,
    guests: createGuests(onStep),
    deployed: createDeployed(quick, onStep),
    deployedHttp: createDeployedHttp(peers, onStep),
    peers,
    progress,
  }
  await prepare(context, new Set(chosen.flatMap(({ needs }) => needs)))
  const began = performance.now()
  const outcomes: Outcome[] = []
  for (const figure of chosen) {
    progress.figure(figure.title)
    const outcome = await measured(figure, context)
    progress.done()
    outcomes.push(outcome)
    print(renderFigure(outcome))
  }
  const seconds = (performance.now() - began) / 1_000
  print('Targets')
  print(`${renderTargets(targetsOf(outcomes))}\n`)
  print(`${seconds.toFixed(0)} s. Written:`)
  for (const path of writeResults({ quick, startedAt, seconds, machine: here, outcomes })) print(`  ${path}`)
  return outcomes.some(({ defect }) => defect) ? 1 : 0
}

/** Builds and installs; what fails here fails again, and is reported, where it is needed. */
async function prepare(
  { guests, deployed, deployedHttp, peers, progress }: BenchContext,
  needs: Set<Need>,
): Promise<void> {
  const makers: Record<Need, () => Promise<unknown>> = {
    guests: () => guests.built(),
    deployed: () => deployed.folder(),
    deployedHttp: () => deployedHttp.folder(),
    peers: () => peers.prepare(),
  }
  const began = performance.now()
  for (const need of needs) await makers[need]().catch(() => {})
  progress.done()
  const seconds = (performance.now() - began) / 1_000
  if (seconds > 1) print(`Built and installed what is kept for later runs: ${seconds.toFixed(0)} s\n`)
}

/** A figure that fails takes no other with it. */
async function measured(figure: Figure, context: BenchContext): Promise<Outcome> {
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1_000
  try {
    const result = await figure.measure(context)
    return { figure, result, reason: undefined, defect: false, seconds: seconds() }
  } catch (error) {
    const defect = !(error instanceof NotMeasured)
    const reason = error instanceof CanaryBreach ? `STATE LEAKED: ${error.message}` : messageOf(error)
    return { figure, result: undefined, reason, defect, seconds: seconds() }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
