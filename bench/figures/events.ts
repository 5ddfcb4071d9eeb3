/** Asynchronous invocation, queue to function, and what event source mappings cost while nothing happens. */
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchContext, Figure, FigureResult, Row } from '../figure.ts'
import { describeErrors, LoadGenerator } from '../load/generator.ts'
import type { LoadTarget } from '../load/plan.ts'
import { javaScriptSource } from '../guests/sources.ts'
import { interleave } from '../rounds.ts'
import { quantile, ratioOfRounds, summarize } from '../stats.ts'
import { createApi, type Api } from '../subjects/api.ts'
import { startThaw, type ThawServer } from '../subjects/thaw.ts'

const connections = 32
const batch = 10
const idleMappings = 1_000

/** Says how long each message was on its way, in ms: from SentTimestamp until the handler has it. */
const consumer = `export const handler = async ({ Records }) => {
  const now = Date.now()
  console.log('delays ' + Records.map(({ attributes }) => now - Number(attributes.SentTimestamp)).join(' '))
}`

export const eventsFigure: Figure = {
  id: 'events',
  title: 'Events: accepted, delivered, and idle mappings',
  targets: [],
  needs: [],
  measure,
}

async function measure({ quick, progress }: BenchContext): Promise<FigureResult> {
  const workers = availableParallelism()
  const dataDir = await mkdtemp(join(tmpdir(), 'thaw-bench-events-'))
  try {
    await using server = await startThaw({ dataDir, workers })
    const api = createApi(server.port)
    progress.step('deploying')
    await api.deploy('sink', javaScriptSource(0))
    await api.deploy('consumer', consumer)
    const accepted = await measureAccepts(server, quick, (text, share) => progress.step(text, share))
    const delivered = await measureQueue(api, dataDir, quick, (text, share) => progress.step(text, share))
    const idle = await measureIdle(server, api, quick, (text, share) => progress.step(text, share))
    return {
      rows: [...accepted, ...delivered, ...idle],
      targets: [],
      notes: [
        `Accepting: ${connections} connections, each sending its next event when it has its 202, which comes after the fsync; the function that the events are for runs meanwhile. Queue: batches of ${batch} sent by 8 senders to a standard queue, a mapping of batch size ${batch}; the delay is from SentTimestamp until the handler has the message, by the same clock.`,
        `Idle: processor time of all processes a second, with ${idleMappings} enabled mappings on ${idleMappings} empty queues and with none.`,
      ],
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

type Step = (text: string, share?: number) => void

/** Events accepted a second beside synchronous invocations of the same function. */
async function measureAccepts(server: ThawServer, quick: boolean, step: Step): Promise<Row[]> {
  await using generator = new LoadGenerator()
  const subjects: Record<'event' | 'sync', LoadTarget> = {
    event: { ...server.target('sink', 'accepted'), headers: { 'x-amz-invocation-type': 'Event' } },
    sync: server.target('sink', 'pristine'),
  }
  const plan = quick ? { rounds: 4, warmupMs: 100, durationMs: 500 } : { rounds: 10, warmupMs: 500, durationMs: 2_000 }
  let run = 1
  const results = await interleave(['event', 'sync'], plan.rounds, async (name, round) => {
    step(`round ${round + 1} of ${plan.rounds}, ${name}`, round / plan.rounds / 3)
    const load = { kind: 'closed', target: subjects[name], connections, ...plan, run: run++ } as const
    const result = await generator.run(name, load)
    // What was accepted is delivered before the next round: each measures itself only.
    await quiet(server)
    return result
  })
  const rate = (name: 'event' | 'sync') => (results.get(name) ?? []).map(({ answers, seconds }) => answers / seconds)
  const p99 = (results.get('event') ?? []).map(({ latenciesMs }) => quantile(latenciesMs, 0.99))
  return [
    {
      label: 'asynchronous invocations accepted, durable',
      unit: 'req/s',
      value: summarize(rate('event')),
      note: describeErrors(results.get('event') ?? []),
    },
    { label: 'until the 202, p99', unit: 'ms', value: summarize(p99) },
    { label: 'synchronous invocations of the same function', unit: 'req/s', value: summarize(rate('sync')) },
    { label: 'accepted against synchronous', unit: 'ratio', value: ratioOfRounds(rate('event'), rate('sync')) },
  ]
}

/** Resolves when the server has nothing to do: what was accepted has been delivered. */
async function quiet(server: ThawServer): Promise<void> {
  for (let before = -Infinity, now = server.cpuMs() ?? 0; now - before > 10;) {
    before = now
    await sleep(100)
    now = server.cpuMs() ?? 0
  }
}

async function measureQueue(api: Api, dataDir: string, quick: boolean, step: Step): Promise<Row[]> {
  const total = quick ? 3_000 : 20_000
  const rounds = quick ? 3 : 8
  const rates: number[] = []
  const medians: number[] = []
  const p99s: number[] = []
  const { url, arn } = await api.createQueue('source')
  await api.createMapping('consumer', arn, batch)
  let read = 0
  for (let round = 0; round < rounds; round++) {
    step(`queue, round ${round + 1} of ${rounds}`, 1 / 3 + round / rounds / 3)
    const began = performance.now()
    let sent = 0
    const sender = async (): Promise<void> => {
      while (sent < total) {
        sent += batch
        await api.sendBatch(url, batch)
      }
    }
    await Promise.all(Array.from({ length: 8 }, sender))
    let delays = delaysIn(dataDir)
    // Logs come in batches of a tenth of a second: that is the precision of the rate.
    for (; delays.length < read + total; delays = delaysIn(dataDir)) await sleep(20)
    rates.push(total / ((performance.now() - began) / 1_000))
    const own = delays.slice(read)
    read = delays.length
    medians.push(quantile(own, 0.5))
    p99s.push(quantile(own, 0.99))
  }
  return [
    { label: 'queue to function, under full load', unit: 'req/s', value: summarize(rates) },
    {
      label: 'delay from the queue to the handler, p50',
      unit: 'ms',
      value: summarize(medians),
      extra: { label: 'p99', value: summarize(p99s) },
    },
  ]
}

/** In the order of the log. */
function delaysIn(dataDir: string): number[] {
  const files = globSync(join(dataDir, 'logs', '**', '*consumer*'), { withFileTypes: false })
  return files
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line.includes('delays '))
    .flatMap((line) =>
      line
        .slice(line.indexOf('delays ') + 7)
        .split(' ')
        .map(Number),
    )
}

async function measureIdle(server: ThawServer, api: Api, quick: boolean, step: Step): Promise<Row[]> {
  const seconds = quick ? 3 : 20
  const cpu = async (): Promise<number> => {
    const before = server.cpuMs() ?? Number.NaN
    await sleep(seconds * 1_000)
    return ((server.cpuMs() ?? Number.NaN) - before) / seconds
  }
  step('idle without mappings', 2 / 3)
  const without = await cpu()
  for (let index = 0; index < idleMappings; index++) {
    if (index % 50 === 0) step(`mapping ${index} of ${idleMappings}`, 2 / 3 + index / idleMappings / 4)
    const { arn } = await api.createQueue(`idle-${index}`)
    await api.createMapping('sink', arn, batch)
  }
  step('idle with mappings', 0.95)
  const value = await cpu()
  return [
    { label: 'idle, no mapping but one: processor time a second', unit: 'ms', value: summarize([without]) },
    { label: `idle, ${idleMappings} mappings more: processor time a second`, unit: 'ms', value: summarize([value]) },
  ]
}
