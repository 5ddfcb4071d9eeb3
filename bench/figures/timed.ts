/** tinybench as the bench uses it: one round of some tasks, every sample kept. */
import { Bench, type FnOptions } from 'tinybench'

export interface Task {
  name: string
  /** What is timed. */
  run(): unknown
  /** Whether `run` returns a promise to wait for. Said, since tinybench would call `run` once more to find out. */
  async: boolean
  /** Not timed, before and after each `run`. */
  before?(): void
  after?(): void
}

/** Samples by task, in microseconds. Errors: what a task threw. */
export async function timeRound(tasks: readonly Task[], timeMs: number): Promise<Map<string, Float64Array>> {
  // At least this many, however slow: a p99 of fewer would be the largest.
  const bench = new Bench({ time: timeMs, iterations: 16, warmup: false, retainSamples: true, throws: true })
  for (const task of tasks) {
    const hooks: FnOptions = { async: task.async }
    if (task.before !== undefined) hooks.beforeEach = () => task.before?.()
    if (task.after !== undefined) hooks.afterEach = () => task.after?.()
    bench.add(task.name, () => task.run(), hooks)
  }
  await bench.run()
  const samples = new Map<string, Float64Array>()
  for (const { name, result } of bench.tasks) {
    if (!('latency' in result) || result.latency.samples === undefined) throw new Error(`${name}: ${result.state}`)
    samples.set(
      name,
      Float64Array.from(result.latency.samples, (ms) => ms * 1_000),
    )
  }
  return samples
}
