/** One invocation within one process, by how its instance is had. What is timed is all that the thread does for it. */
import { readFileSync } from 'node:fs'
import { instantiate } from '@assemblyscript/loader'
import { configFromEnvironment } from '../../src/config.ts'
import { loadEngine } from '../../src/instance/engine.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'
import { SnapshotImage } from '../../src/snapshot/image.ts'
import { createRestorer } from '../../src/snapshot/restorer.ts'
import { checkAnswer, idOf, requestBody, type Canary } from '../canary.ts'
import { collectGarbage } from '../child.ts'
import type { BuiltGuests, GuestName } from '../guests/guests.ts'
import { rotated } from '../rounds.ts'
import { createInstance, keepingMemory } from '../subjects/instance.ts'
import { jcoComponent } from '../subjects/jco-host.ts'
import { timeRound, type Task } from './timed.ts'
import { inProcessChild, guestKinds, type GuestKind, type InProcessOutput } from './in-process.ts'

type Call = (event: Uint8Array) => Uint8Array | Promise<Uint8Array>

inProcessChild.serve(async ({ built, rounds, timeMs }, report) => {
  const output: InProcessOutput = {}
  for (const [index, kind] of guestKinds.entries()) {
    const tasks = await tasksOf(kind, built)
    if (kind === 'as') tasks.push(await floor(built.rawModulePath))
    const results: Record<string, number[][]> = {}
    report(`${kind}: warming up`, index / guestKinds.length)
    await timeRound(tasks, timeMs / 2)
    for (let round = 0; round < rounds; round++) {
      report(`${kind}: round ${round + 1} of ${rounds}`, (index + round / rounds) / guestKinds.length)
      collectGarbage()
      for (const [name, samples] of await timeRound(rotated(tasks, round), timeMs))
        (results[name] ??= []).push([...samples])
    }
    output[kind] = results
  }
  return output
})

async function tasksOf(kind: GuestKind, built: BuiltGuests): Promise<Task[]> {
  const guestOf = (variant: 0 | 1) => built.guests[`${kind}-${variant}` satisfies GuestName]
  const config = configFromEnvironment({})
  const page = SharedPage.anonymous()
  page.tick()
  const restorer = createRestorer('auto')
  const engine = await loadEngine(built.artifactsDir, guestOf(0).engine)
  const images = ([0, 1] as const).map((variant) => SnapshotImage.open(built.artifactsDir, guestOf(variant).snapshot))
  const [image, other] = images
  if (image === undefined || other === undefined) throw new Error('The snapshots are missing')
  const options = { engine, image, restorer, page, config }
  const newJco = await jcoComponent(readFileSync(guestOf(0).componentPath))
  const reset = createInstance(options)
  const resetAgain = createInstance(options)
  const reimaged = createInstance(options)
  const kept = createInstance({ ...options, restorer: keepingMemory(restorer) })
  let swaps = 0
  return [
    task(kind, 'new (jco)', 'pristine', async (event) => (await newJco())(event)),
    task(kind, 'new (Thaw)', 'pristine', async (event) => {
      using fresh = createInstance(options)
      return await fresh.call(event)
    }),
    task(kind, 're-imaged', 'pristine', (event) => {
      reimaged.instance.reimage(swaps++ % 2 === 0 ? other : image)
      return reimaged.call(event)
    }),
    task(kind, 'reset', 'pristine', async (event) => {
      const answer = await reset.call(event)
      reset.instance.reset()
      return answer
    }),
    task(kind, 'reset again', 'pristine', async (event) => {
      const answer = await resetAgain.call(event)
      resetAgain.instance.reset()
      return answer
    }),
    task(kind, 'no reset', 'stateful', async (event) => {
      const answer = await kept.call(event)
      // Globals, tables and handles all the same: without them the next call is refused.
      kept.instance.reset()
      return answer
    }),
  ]
}

/** The same echo with nothing around it: what a call from JavaScript into AssemblyScript costs at least. */
async function floor(path: string): Promise<Task> {
  const { exports } = await instantiate<{ handle(event: number): number }>(readFileSync(path))
  return task('as', 'raw module', 'stateful', (event) => {
    const plain = event.buffer.slice(event.byteOffset, event.byteOffset + event.length)
    if (!(plain instanceof ArrayBuffer)) throw new Error('The event is on shared memory')
    return new Uint8Array(exports.__getArrayBuffer(exports.handle(exports.__newArrayBuffer(plain))))
  })
}

/** Every call has an id of its own, and every answer is looked at, outside of what is timed. */
function task(kind: GuestKind, name: string, canary: Canary, call: Call): Task {
  let calls = 0
  let id = ''
  let event = Buffer.alloc(0)
  let answer = new Uint8Array()
  return {
    name,
    async: true,
    before() {
      id = idOf(1, calls++)
      event = Buffer.from(requestBody(id))
    },
    async run() {
      answer = new Uint8Array(await call(event))
    },
    after() {
      checkAnswer(`${kind}, ${name}:`, canary, id, Buffer.from(answer).toString())
    },
  }
}
