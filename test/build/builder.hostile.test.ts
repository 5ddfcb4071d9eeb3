/** Builds that hang, bloat or die, and what is left after them: nothing, and a builder that goes on. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { watComponent } from '../support/guests.ts'
import { testBuilder } from './builder.support.ts'

const good = { 'index.ts': 'export function handler(event: ArrayBuffer): ArrayBuffer { return event }' }
const endless = { 'index.mjs': 'for (;;) {}\nexport const handler = async () => 1' }

const endlessStart = `
  (func $spin (loop $forever (br $forever)))
  (start $spin)
  (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 0))`

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

/** False also for a zombie: it holds nothing any more. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8')
    return status.slice(status.lastIndexOf(')') + 2, status.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return false
  }
}

async function expectGoesOn({ builder, request, leftovers }: Awaited<ReturnType<typeof testBuilder>>): Promise<void> {
  expect(await leftovers()).toEqual([])
  expect((await builder.build(await request(good, { runtime: 'assemblyscript' }))).cached).toBe(false)
  expect(await leftovers()).toEqual([])
}

test('an endless init is ended at the time limit', async () => {
  const under = await testBuilder({ buildMs: 12_000 })
  const started = performance.now()
  await expect(under.builder.build(await under.request(endless))).rejects.toMatchObject({
    code: 'Build',
    message: 'The build did not finish within 12 s (limit buildMs)',
  })
  // Far from the 60 s that there are otherwise, on the busiest machine.
  expect(performance.now() - started).toBeLessThan(40_000)
  await expectGoesOn(under)
})

test('an endless start function of a component is ended at the time limit', async () => {
  const under = await testBuilder({ buildMs: 4_000 })
  const upload = await under.request(await watComponent(endlessStart), { runtime: 'provided.component' })
  await expect(under.builder.build(upload)).rejects.toThrow('The build did not finish within 4 s (limit buildMs)')
  expect(await under.leftovers()).toEqual([])
})

test('an init that takes ever more memory is ended at the memory limit', async () => {
  const under = await testBuilder({ buildBytes: 700_000_000 })
  const bomb = 'const all = []\nfor (;;) all.push(new Uint8Array(1e6).fill(1))\nexport const handler = async () => 1'
  await expect(under.builder.build(await under.request({ 'index.mjs': bomb }))).rejects.toMatchObject({
    code: 'Build',
    message: 'The build used more than 700000000 bytes of memory (limit buildBytes)',
  })
  await expectGoesOn(under)
})

test('a builder that is killed in mid build is a build error', async () => {
  const under = await testBuilder()
  const child = under.nextChild()
  const building = failureOf(under.builder.build(await under.request(endless)))
  process.kill(await child, 'SIGKILL')
  expect(await building).toMatchObject({
    code: 'Build',
    message: 'The builder was killed by SIGKILL before it had finished',
  })
  await expectGoesOn(under)
})

test('what a controller that was killed has left is removed before the next build', async () => {
  const under = await testBuilder()
  await mkdir(join(under.artifactsDir, '.staging-1', 'engines'), { recursive: true })
  await mkdir(join(under.tempDir, 'build-1'), { recursive: true })
  await under.builder.build(await under.request(good, { runtime: 'assemblyscript' }))
  expect(await under.leftovers()).toEqual([])
})

test('builds beyond the limit wait their turn, and leave the queue when they are aborted', async () => {
  const { builder, request, children, nextChild } = await testBuilder({ builds: 1 })
  const child = nextChild()
  const [first, queued, last] = [new AbortController(), new AbortController(), new AbortController()]
  const hung = builder.build(await request(endless), first.signal)
  const firstPid = await child
  const second = builder.build(await request({ ...endless, 'a.js': '' }), queued.signal)
  const third = builder.build(await request({ ...endless, 'b.js': '' }), last.signal)
  queued.abort(new Error('changed my mind'))
  await expect(second).rejects.toThrow('changed my mind')
  expect(children).toEqual([firstPid])
  const next = nextChild()
  first.abort(new Error('enough'))
  await expect(hung).rejects.toThrow('enough')
  const thirdPid = await next
  expect(await isRunning(firstPid)).toBe(false)
  last.abort(new Error('enough'))
  await expect(third).rejects.toThrow('enough')
  expect(children).toEqual([firstPid, thirdPid])
})

test('a build that two wait for goes on when one of them leaves', async () => {
  const { builder, request, children } = await testBuilder()
  const asked = await request(good, { runtime: 'assemblyscript' })
  const leaving = new AbortController()
  const [left, stayed] = [builder.build(asked, leaving.signal), builder.build(asked)]
  leaving.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  expect((await stayed).cached).toBe(false)
  expect(children).toHaveLength(1)
})

test('closing the builder ends what runs and what waits', async () => {
  const { builder, request, nextChild, leftovers } = await testBuilder({ builds: 1 })
  const child = nextChild()
  const running = failureOf(builder.build(await request(endless)))
  const pid = await child
  const waiting = failureOf(builder.build(await request({ ...endless, 'a.js': '' })))
  await builder[Symbol.asyncDispose]()
  expect(await running).toMatchObject({ code: 'Unavailable' })
  expect(await waiting).toMatchObject({ code: 'Unavailable' })
  expect(await isRunning(pid)).toBe(false)
  expect(await leftovers()).toEqual([])
})

test.runIf(process.platform === 'linux')('a builder that answers nothing dies with its parent', async () => {
  const { request, artifactsDir } = await testBuilder()
  // Its start function loops, on the builder's own thread.
  const { codePath } = await request(await watComponent(endlessStart))
  const parent = fork(join(import.meta.dirname, 'children', 'build-parent.ts'), [artifactsDir, codePath], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const pid = await new Promise<number>((resolve) => parent.once('message', (message) => resolve(Number(message))))
  onTestFinished(() => {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone, as it should be.
    }
  })
  // Long in the endless loop, answering nothing.
  await expect.poll(() => processorTicks(pid), { timeout: 30_000 }).toBeGreaterThan(500)
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await expect.poll(() => isRunning(pid), { timeout: 2_000 }).toBe(false)
})

/** User time in ticks of 10 ms (proc_pid_stat(5), field 14). */
async function processorTicks(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8')
  return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[11])
}
