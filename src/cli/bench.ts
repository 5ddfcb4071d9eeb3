import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { configFromEnvironment, type Limits } from '../config.ts'
import { createClient, faultOf, type Client } from './client.ts'
import { readEvent } from './project/event.ts'
import { endpointOption, jsonOption, positive, type EndpointOptions, type JsonOptions } from './options.ts'
import { deployProject, functionPath } from './project/deployment.ts'
import { startLocalServer } from './project/local-server.ts'
import { packProject, zipOf } from './project/pack.ts'
import { readProject, type Project } from './project/project.ts'
import { withFrames } from './project/source-frame.ts'
import { note, printResult, table, withProgress } from './terminal.ts'

interface Options extends EndpointOptions, JsonOptions {
  count: number
  event?: string
}

/** One call, ms, from Server-Timing. */
interface Sample {
  start: string
  totalMs: number
  /** What the function answered, if it failed. */
  error: string | undefined
}

export interface BenchRow {
  start: string
  calls: number
  p50Ms: number
  p99Ms: number
}

/** Calls at the same time, right after the deployment: most find no instance yet. */
const burst = 32

export function benchCommand(): Command {
  return new Command('bench')
    .description("measure a function: cold, restored and warm starts, by the server's own clock")
    .argument('<name|folder>', 'a function on the server, or a folder, which gets servers of its own')
    .option('-n, --count <calls>', 'calls of each kind', positive, 200)
    .option('-e, --event <file>', "the event; a folder's event.json if left out")
    .addOption(endpointOption())
    .addOption(jsonOption())
    .action(async (what: string, options: Options) => {
      const event = await eventOf(what, options.event)
      const samples = existsSync(what)
        ? await benchFolder(readProject(what), event, options.count)
        : await benchFunction(createClient(options.endpoint), what, event, options.count)
      const failed = samples.filter(({ error }) => error !== undefined)
      if (failed.length > 0)
        note(`warning: ${failed.length} of ${samples.length} calls failed: ${failed[0]?.error?.slice(0, 200) ?? ''}`)
      const rows = summary(samples)
      printResult(options, rows, () =>
        table([
          ['START', 'CALLS', 'P50', 'P99'],
          ...rows.map(({ start, calls, p50Ms, p99Ms }) => [start, String(calls), `${p50Ms} ms`, `${p99Ms} ms`]),
        ]),
      )
    })
}

async function eventOf(what: string, given: string | undefined): Promise<Uint8Array> {
  if (given === undefined) return readFile(join(what, 'event.json')).catch(() => Buffer.from('{}'))
  return readEvent(given)
}

async function benchFunction(client: Client, name: string, event: Uint8Array, count: number): Promise<Sample[]> {
  const samples: Sample[] = []
  const all = async (): Promise<void> => {
    for (let call = 0; call < count; call++) samples.push(await sample(client, name, event))
  }
  await withProgress(`Calling ${name}`, all())
  return samples
}

/**
 * Cold: many calls at once on a fresh server. Warm: one after the other. Restored: in turns with another function, on a
 * worker that keeps one idle instance, so each takes over the other's. What a call was, the server says.
 */
async function benchFolder(project: Project, event: Uint8Array, count: number): Promise<Sample[]> {
  const samples: Sample[] = []
  const measure = async (): Promise<void> => {
    await using server = await startLocalServer({ config: { port: 0, limits: { ...limitsOf(), idleInstances: 1 } } })
    // Its own server is not to be asked with somebody's AWS credentials.
    const client = createClient(server.url, {})
    await deployProject(client, project, await packProject(project))
    const { name } = project
    samples.push(...(await Promise.all(Array.from({ length: burst }, () => sample(client, name, event)))))
    for (let call = 0; call < count; call++) samples.push(await sample(client, name, event))
    // Only JavaScript functions share an engine, and so their instances.
    if (!project.runtime.startsWith('nodejs')) return
    const other: Project = { ...project, name: name === 'other' ? 'another' : 'other', handler: 'index.handler' }
    await deployProject(client, other, await zipOf({ 'index.mjs': 'export const handler = () => null\n' }))
    for (let call = 0; call < count; call++) {
      await sample(client, other.name, event)
      samples.push(await sample(client, name, event))
    }
  }
  await withProgress(`Measuring ${project.name}`, withFrames(project.folder, measure()))
  return samples
}

/** The environment's, to be given on beside what is changed here. */
const limitsOf = (): Limits => configFromEnvironment(process.env).limits

async function sample(client: Client, name: string, event: Uint8Array): Promise<Sample> {
  const answer = await client.send({ method: 'POST', path: functionPath(name, '/invocations'), body: event })
  if (answer.status >= 300) throw faultOf(answer)
  const timing = answer.headers.get('server-timing') ?? ''
  return {
    start: /start;desc=(\w+)/.exec(timing)?.[1] ?? 'unknown',
    totalMs: Number(/total;dur=([\d.]+)/.exec(timing)?.[1] ?? Number.NaN),
    error: answer.headers.has('x-amz-function-error') ? answer.body.toString() : undefined,
  }
}

/** By kind of start. The percentiles are of the calls there were: the nearest rank. */
export function summary(samples: readonly Sample[]): BenchRow[] {
  return ['cold', 'restore', 'warm', 'unknown'].flatMap((start) => {
    const sorted = samples.flatMap((one) => (one.start === start ? [one.totalMs] : [])).toSorted((a, b) => a - b)
    if (sorted.length === 0) return []
    const rank = (share: number): number => Number((sorted[Math.ceil(share * sorted.length) - 1] ?? 0).toFixed(3))
    return [{ start, calls: sorted.length, p50Ms: rank(0.5), p99Ms: rank(0.99) }]
  })
}
