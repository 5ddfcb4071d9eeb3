/** HTTP components against a constant Hono server, and StarlingMonkey against `jco serve`: rates and latencies. */
import { type BenchContext, NotMeasured, type Row, type Target } from '../figure.ts'
import { describeErrors, LoadGenerator } from '../load/generator.ts'
import type { LoadResult } from '../load/plan.ts'
import { interleave } from '../rounds.ts'
import { quantile, ratioOfRounds, summarize } from '../stats.ts'
import { startConstantServer } from '../subjects/constant.ts'
import { httpTarget } from '../subjects/prepared-http.ts'
import type { Subject } from '../subjects/subject.ts'
import { startThaw } from '../subjects/thaw.ts'
import type { HttpPart } from './http.ts'

const connections = 32
/** More would only queue: `jco serve` instantiates for each. */
const slowConnections = 4
const ratePerSecond = 300

const constantTarget: Omit<Target, 'value'> = {
  label: 'C wasi:http 0.2 hello against a Hono constant, requests/s',
  op: '>=',
  limit: 0.5,
  unit: 'ratio',
}
const jcoRateTarget: Omit<Target, 'value'> = {
  label: 'StarlingMonkey wasi:http 0.2 against jco serve, requests/s',
  op: '>=',
  limit: 20,
  unit: 'ratio',
}
const jcoTailTarget: Omit<Target, 'value'> = {
  label: 'the same, p99 of the latency',
  op: '<=',
  limit: 0.05,
  unit: 'ratio',
}

export const rateTargets = [constantTarget, jcoRateTarget, jcoTailTarget]

const constant = 'Hono constant'
const again = 'Hono constant, once more (A/A)'
const components = {
  'http-c': 'C, wasi:http 0.2',
  'http-as': 'AssemblyScript, 0.2',
  'http-wat': 'WebAssembly text, 0.3',
  'http-qjs': 'QuickJS, 0.3',
}
const starling = 'StarlingMonkey, 0.2'
const jco = 'jco serve, the same StarlingMonkey component'

interface Measured {
  result: LoadResult
  /** Server time on the processor, a request, us. */
  cpuUs: number
}

type Measurements = Map<string, Measured[]>

export async function measureRates(context: BenchContext, dataDir: string, workers: number): Promise<HttpPart> {
  const { quick, peers, progress } = context
  const plan = quick
    ? {
        rounds: 4,
        warmupMs: 100,
        durationMs: 600,
        heatMs: 2_000,
        openRounds: 3,
        openMs: 500,
        slowRounds: 3,
        slowMs: 2_000,
      }
    : {
        rounds: 12,
        warmupMs: 500,
        durationMs: 3_000,
        heatMs: 5_000,
        openRounds: 10,
        openMs: 4_000,
        slowRounds: 8,
        slowMs: 6_000,
      }
  await using stack = new AsyncDisposableStack()
  const generator = stack.use(new LoadGenerator())
  const thaw = stack.use(await startThaw({ dataDir, workers }))
  const component = async (name: string, canary: Parameters<typeof httpTarget>[2]): Promise<Subject> => ({
    target: await httpTarget(thaw, name, canary),
    cpuMs: () => thaw.cpuMs(),
    [Symbol.asyncDispose]: async () => {},
  })
  const fast = new Map<string, Subject>([
    [constant, stack.use(await startConstantServer(workers))],
    [components['http-c'], await component('http-c', 'constant')],
    [components['http-as'], await component('http-as', 'text:hello from assemblyscript\n')],
    [components['http-wat'], await component('http-wat', 'text:hello from wat\n')],
    [components['http-qjs'], await component('http-qjs', 'text:hello from quickjs\n')],
    [again, stack.use(await startConstantServer(workers))],
  ])
  const slow = new Map<string, Subject>([[starling, await component('http-sm', 'pristine')]])
  let absent: string | undefined
  try {
    slow.set(jco, stack.use(await peers.jcoServe()))
  } catch (error) {
    if (!(error instanceof NotMeasured)) throw error
    absent = error.message
  }

  let run = 1
  const closed = async (
    name: string,
    subject: Subject,
    load: { connections: number; warmupMs: number; durationMs: number },
  ): Promise<Measured> => {
    const before = subject.cpuMs() ?? Number.NaN
    const result = await generator.run(name, { kind: 'closed', target: subject.target, ...load, run: run++ })
    // The warm-up's share of both is in proportion.
    const share = load.durationMs / (load.warmupMs + load.durationMs)
    const spentMs = ((subject.cpuMs() ?? Number.NaN) - before) * share
    return { result, cpuUs: (spentMs * 1_000) / result.answers }
  }
  const inRounds = async <T>(
    subjects: Map<string, Subject>,
    rounds: number,
    measure: (name: string, subject: Subject) => Promise<T>,
  ): Promise<Map<string, T[]>> => {
    let done = 0
    return interleave([...subjects.keys()], rounds, (name, round) => {
      progress.step(`round ${round + 1} of ${rounds}, ${name}`, done++ / (subjects.size * rounds))
      const subject = subjects.get(name)
      if (subject === undefined) throw new Error(`no subject ${name}`)
      return measure(name, subject)
    })
  }

  for (const [name, subject] of fast) {
    progress.step(`heating ${name}`)
    await closed(name, subject, { connections, warmupMs: plan.heatMs - 1, durationMs: 1 })
  }
  const { warmupMs, durationMs } = plan
  const rates = await inRounds(fast, plan.rounds, (name, subject) =>
    closed(name, subject, { connections, warmupMs, durationMs }),
  )
  const paced = await inRounds(fast, plan.openRounds, (name, { target }) => {
    const pace = { connections: 16, ratePerSecond, warmupMs, durationMs: plan.openMs }
    return generator.run(name, { kind: 'open', target, ...pace, run: run++ })
  })
  for (const [name, subject] of slow) {
    progress.step(`heating ${name}`)
    await closed(name, subject, { connections: slowConnections, warmupMs: 1_500, durationMs: 1 })
  }
  const slowRates = await inRounds(slow, plan.slowRounds, (name, subject) =>
    closed(name, subject, { connections: slowConnections, warmupMs: 0, durationMs: plan.slowMs }),
  )
  return report(rates, paced, slowRates, workers, absent)
}

function report(
  rates: Measurements,
  paced: Map<string, LoadResult[]>,
  slow: Measurements,
  workers: number,
  absent: string | undefined,
): HttpPart {
  const all: Measurements = new Map([...rates, ...slow])
  const rate = (name: string) => (all.get(name) ?? []).map(({ result }) => result.answers / result.seconds)
  const rows: Row[] = [...all].map(([name, measured]) => ({
    label: name,
    unit: 'req/s',
    value: summarize(rate(name)),
    extra: { label: 'server CPU a request, us', value: summarize(measured.map(({ cpuUs }) => cpuUs)) },
    note: describeErrors(measured.map(({ result }) => result)),
  }))
  for (const name of [...Object.values(components), again])
    rows.push({ label: `${name} against ${constant}`, unit: 'ratio', value: ratioOfRounds(rate(name), rate(constant)) })
  const latency = (of: (q: number) => number[], name: string, note: string | undefined): Row => ({
    label: `latency: ${name}`,
    unit: 'ms',
    value: summarize(of(0.5)),
    extra: { label: 'p99', value: summarize(of(0.99)) },
    note,
  })
  for (const [name, measured] of paced)
    rows.push(latency((q) => measured.map((result) => quantile(result.latenciesMs, q)), name, describeErrors(measured)))
  const slowAt = (name: string, q: number) =>
    (slow.get(name) ?? []).map(({ result }) => quantile(result.latenciesMs, q))
  for (const name of slow.keys()) rows.push(latency((q) => slowAt(name, q), name, undefined))
  const againstJco = (target: Omit<Target, 'value'>, a: number[], b: number[]): Target =>
    absent === undefined
      ? { ...target, value: ratioOfRounds(a, b) }
      : { ...target, value: undefined, note: `jco serve: ${absent}` }
  return {
    rows,
    targets: [
      { ...constantTarget, value: ratioOfRounds(rate(components['http-c']), rate(constant)) },
      againstJco(jcoRateTarget, rate(starling), rate(jco)),
      againstJco(jcoTailTarget, slowAt(starling, 0.99), slowAt(jco, 0.99)),
    ],
    notes: [
      `Rates: ${connections} connections, each sending its next request when it has its answer; ${workers} processes on either side; a POST with a body of some 25 bytes, which hellos do not read. The C hello counts its calls in its memory and says the count, which must be 1 each time. Latencies of all but StarlingMonkey: ${ratePerSecond} requests a second at fixed times, each timed from when it was due.`,
      `StarlingMonkey and jco serve (--isolate-requests instance): the same component, an echo of an id with its count, ${slowConnections} connections; the latencies are of those rounds.`,
      ...(absent === undefined ? [] : [`jco serve: not measured: ${absent}`]),
    ],
    raw: Object.fromEntries(
      [...all].map(([name, measured]) => [name, { perSecond: rate(name), cpuUs: measured.map(({ cpuUs }) => cpuUs) }]),
    ),
  }
}
