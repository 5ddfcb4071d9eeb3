/** Idle instances in one process: what each holds resident after it has served an invocation and been reset. */
import { readFileSync } from 'node:fs'
import { configFromEnvironment } from '../../src/config.ts'
import { loadEngine } from '../../src/instance/engine.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'
import { SnapshotImage } from '../../src/snapshot/image.ts'
import { createRestorer } from '../../src/snapshot/restorer.ts'
import { checkAnswer, idOf, requestBody } from '../canary.ts'
import { collectGarbage } from '../child.ts'
import { createInstance, type BenchInstance } from '../subjects/instance.ts'
import { densityChild, type Resident } from './density.ts'

densityChild.serve(async (input, report) => {
  const config = configFromEnvironment({})
  const page = SharedPage.anonymous()
  page.tick()
  const restorer = createRestorer('auto')
  const engine = await loadEngine(input.artifactsDir, input.engine)
  const image = SnapshotImage.open(input.artifactsDir, input.snapshot)
  const instances: BenchInstance[] = []
  const add = async (): Promise<void> => {
    const made = createInstance({ engine, image, restorer, page, config })
    const id = idOf(2, instances.length)
    checkAnswer('density:', 'pristine', id, Buffer.from(await made.call(Buffer.from(requestBody(id)))).toString())
    made.instance.reset()
    instances.push(made)
  }
  await add()
  const first = await settled()
  const results: Resident[] = []
  for (const count of input.counts) {
    const [from, began] = [instances.length, performance.now()]
    while (instances.length < count) {
      await add()
      if (instances.length % 50 === 0)
        report(`${instances.length} instances`, instances.length / (input.counts.at(-1) ?? 1))
    }
    const makeMs = (performance.now() - began) / Math.max(1, instances.length - from)
    const used = await settled()
    for (const { instance } of instances) instance.trim()
    const trimmed = await settled()
    const each = (bytes: number, base: number) => (bytes - base) / (instances.length - 1)
    results.push({
      instances: instances.length,
      rssBytes: each(used.rss, first.rss),
      pssBytes: each(used.pss, first.pss),
      trimmedRssBytes: each(trimmed.rss, first.rss),
      makeMs,
    })
    if (count === input.counts.at(-1)) break
    // As they were, for the next count: in use once more.
    for (const made of instances) {
      await made.call(Buffer.from(requestBody(idOf(3, 0))))
      made.instance.reset()
    }
  }
  return results
})

/** After what is garbage has been collected; V8 gives pages back a little later. */
async function settled(): Promise<{ rss: number; pss: number }> {
  for (let turn = 0; turn < 4; turn++) {
    collectGarbage()
    await new Promise((resolve) => {
      setTimeout(resolve, 30)
    })
  }
  return memory()
}

/** proc(5), smaps_rollup; without it the resident set alone. */
function memory(): { rss: number; pss: number } {
  try {
    const text = readFileSync('/proc/self/smaps_rollup', 'latin1')
    const field = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) * 1_024
    return { rss: field('Rss'), pss: field('Pss') }
  } catch {
    return { rss: process.memoryUsage.rss(), pss: Number.NaN }
  }
}
