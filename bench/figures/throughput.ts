import { availableParallelism } from 'node:os'
import type { BenchContext, Figure, FigureResult, Row, Target } from '../figure.ts'
import { describeErrors, LoadGenerator } from '../load/generator.ts'
import type { LoadResult } from '../load/plan.ts'
import { interleave } from '../rounds.ts'
import { ratioOfRounds, summarize } from '../stats.ts'
import { startConstantServer } from '../subjects/constant.ts'
import type { Subject } from '../subjects/subject.ts'
import { startThaw, thawSubject } from '../subjects/thaw.ts'

const connections = 32

const constantTarget: Omit<Target, 'value'> = {
  label: 'AssemblyScript echo against a Hono constant, requests/s',
  op: '>=',
  limit: 0.75,
  unit: 'ratio',
}
const workerdTarget: Omit<Target, 'value'> = {
  label: "AssemblyScript echo against workerd's JavaScript echo",
  op: '>=',
  limit: 2.5,
  unit: 'ratio',
}
const javaScriptTarget: Omit<Target, 'value'> = {
  label: "QuickJS echo against workerd's JavaScript echo",
  op: '>=',
  limit: 1.5,
  unit: 'ratio',
}

export const throughputFigure: Figure = {
  id: 'throughput',
  title: 'Invocations a second over HTTP',
  targets: [constantTarget, workerdTarget, javaScriptTarget],
  needs: ['deployed', 'peers'],
  measure,
}

interface Measured {
  result: LoadResult
  /** Server time on the processor, a request, us. */
  cpuUs: number
}

async function measure(context: BenchContext): Promise<FigureResult> {
  const { quick, deployed, peers, progress } = context
  const plan = quick
    ? { rounds: 4, warmupMs: 100, durationMs: 600, heatMs: 3_500 }
    : { rounds: 12, warmupMs: 500, durationMs: 3_000, heatMs: 5_000 }
  const workers = availableParallelism()
  const step = (text: string) => progress.step(text)
  await using stack = new AsyncDisposableStack()
  const generator = stack.use(new LoadGenerator())
  const thaw = stack.use(await startThaw({ dataDir: await deployed.folder(), workers }))
  const subjects = new Map<string, Subject>([
    ['constant', stack.use(await startConstantServer(workers))],
    ['as', thawSubject(thaw, 'echo-as')],
    ['js', thawSubject(thaw, 'echo-js')],
    ['constant again', stack.use(await startConstantServer(workers))],
  ])
  let absent: string | undefined
  try {
    subjects.set('workerd', stack.use(await peers.workerd(workers)))
    if (workers > 1) subjects.set('workerd, 1 process', stack.use(await peers.workerd(1)))
  } catch (error) {
    absent = error instanceof Error ? error.message : String(error)
  }

  let run = 1
  const load = async (name: string, subject: Subject, warmupMs: number, durationMs: number): Promise<Measured> => {
    const before = subject.cpuMs() ?? Number.NaN
    const target = subject.target
    const result = await generator.run(name, { kind: 'closed', target, connections, warmupMs, durationMs, run: run++ })
    // The warm-up's share of both is in proportion.
    const spent = ((subject.cpuMs() ?? Number.NaN) - before) * (durationMs / (warmupMs + durationMs))
    return { result, cpuUs: (spent * 1_000) / result.answers }
  }
  for (const [name, subject] of subjects) {
    step(`heating ${name}`)
    await load(name, subject, plan.heatMs - 1, 1)
  }
  const names = [...subjects.keys()]
  let done = 0
  const results = await interleave(names, plan.rounds, async (name, round) => {
    progress.step(`round ${round + 1} of ${plan.rounds}, ${name}`, done++ / (names.length * plan.rounds))
    const subject = subjects.get(name)
    if (subject === undefined) throw new Error(`no subject ${name}`)
    return load(name, subject, plan.warmupMs, plan.durationMs)
  })
  return report(results, workers, absent)
}

function report(results: Map<string, Measured[]>, workers: number, absent: string | undefined): FigureResult {
  const labels: Record<string, string> = {
    constant: `Hono constant, ${workers} processes`,
    as: `Thaw, AssemblyScript echo, ${workers} workers`,
    js: `Thaw, QuickJS echo, ${workers} workers`,
    workerd: `workerd, JavaScript echo, ${workers} processes`,
    'workerd, 1 process': 'workerd, JavaScript echo, 1 process',
    'constant again': 'Hono constant, once more (A/A)',
  }
  const rate = (name: string) => (results.get(name) ?? []).map(({ result }) => result.answers / result.seconds)
  const cpu = (name: string) => (results.get(name) ?? []).map(({ cpuUs }) => cpuUs)
  const rows: Row[] = []
  for (const [name, label] of Object.entries(labels)) {
    const measured = results.get(name)
    if (measured === undefined) continue
    const note = describeErrors(measured.map(({ result }) => result))
    const extra = { label: 'server CPU a request, us', value: summarize(cpu(name)) }
    rows.push({ label, unit: 'req/s', value: summarize(rate(name)), extra, note })
  }
  const ratio = (label: string, a: number[], b: number[]) =>
    rows.push({ label, unit: 'ratio', value: ratioOfRounds(a, b) })
  ratio('CPU a request: Hono constant against AssemblyScript echo', cpu('constant'), cpu('as'))
  ratio('A/A: Hono constant against Hono constant', rate('constant again'), rate('constant'))
  if (results.has('workerd, 1 process')) {
    ratio('AssemblyScript echo against workerd with 1 process', rate('as'), rate('workerd, 1 process'))
    ratio('QuickJS echo against workerd with 1 process', rate('js'), rate('workerd, 1 process'))
  }
  const against = (target: Omit<Target, 'value'>, a: string, b: string): Target =>
    results.has(b)
      ? { ...target, value: ratioOfRounds(rate(a), rate(b)) }
      : { ...target, value: undefined, note: absent ?? 'no peer' }
  return {
    rows,
    targets: [
      against(constantTarget, 'as', 'constant'),
      against(workerdTarget, 'as', 'workerd'),
      against(javaScriptTarget, 'js', 'workerd'),
    ],
    notes: [
      `${connections} connections, each sending its next request when it has its answer; the client is one Node process on the same ${workers} cores, so it takes its share of them. The server's CPU time a request does not have the client in it.`,
      "workerd has one thread: it runs as many processes as Thaw has workers, the connections spread over them; with one, the usual way to start it, the ratios are the other rows'.",
      ...(absent === undefined ? [] : [`workerd: ${absent}`]),
    ],
    raw: Object.fromEntries(
      [...results].map(([name, measured]) => [
        name,
        { perSecond: rate(name), cpuUs: cpu(name), starts: measured.map(({ result }) => result.starts) },
      ]),
    ),
  }
}
