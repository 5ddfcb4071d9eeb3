/** Provisioned concurrency: instances that a runtime holds pristine, with real guests. */
import { expect, test } from 'vitest'
import { watGuest } from '../support/guests.ts'
import { failureOf, payloadText, testRuntime } from '../support/runtime.ts'

const canary = (letter: string) => watGuest('canary', { canary: letter.repeat(64), variant: '0', own: '3' })
const provisioned = { provisioned: true }
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

test('the first invocation finds a warm instance, and so does each that follows', async () => {
  await using held = await testRuntime()
  const spec = await held.deploy(await canary('a'))
  expect(await held.runtime.hold(spec, 2)).toBe(2)
  expect(held.runtime.stats().idle).toBe(2)
  for (let call = 0; call < 4; call++) {
    const { report } = await held.invoke(spec, 'event', provisioned)
    expect(report).toMatchObject({ start: 'warm', initMs: undefined, restoreMs: undefined })
  }
  expect(held.impurities).toEqual([])
})

test('as many at once as are held; what is more starts as it can', async () => {
  await using held = await testRuntime()
  const body = `(call $block (call $timer (i64.const 1000000)))
    (call $ok (i32.load (local.get $event)) (i32.load offset=4 (local.get $event)))`
  const spec = await held.deploy(await watGuest('handle-body', { body }))
  await held.runtime.hold(spec, 2)
  const all = await Promise.all([1, 2, 3].map(() => held.invoke(spec, 'event', provisioned)))
  expect(all.map(({ report }) => report.start).toSorted()).toEqual(['cold', 'warm', 'warm'])
  await turn()
  expect(await held.runtime.hold(spec, 2)).toBe(2)
})

test('they are nobody else’s: not of invocations without a provisioned slot, not to be taken over', async () => {
  await using held = await testRuntime({ limits: { idleInstances: 1 } })
  const [own, other] = [await held.deploy(await canary('a')), await held.deploy(await canary('b'))]
  await held.runtime.hold(own, 1)
  expect((await held.invoke(own, 'event')).report.start).not.toBe('warm')
  await held.runtime.hold(other, 1)
  await held.invoke(other, 'event', provisioned)
  // Not even the one that was used a moment ago and is not reset yet.
  expect((await held.invoke(other, 'event')).report.start).not.toBe('warm')
  for (let call = 0; call < 3; call++) {
    await held.invoke(other, 'event')
    await turn()
  }
  expect((await held.invoke(own, 'event', provisioned)).report.start).toBe('warm')
})

test('one that is lost with its guest is made again', async () => {
  await using held = await testRuntime()
  const spec = await held.deploy(await watGuest('handle-body', { body: 'unreachable' }))
  await held.runtime.hold(spec, 1)
  expect(failureOf(await held.invoke(spec, 'event', provisioned)).errorType).toBe('Runtime.Trap')
  await turn()
  await turn()
  expect((await held.invoke(spec, 'event', provisioned)).report.start).toBe('warm')
})

test('functions of one snapshot each have their own; given up, they are gone', async () => {
  await using held = await testRuntime()
  const component = await canary('a')
  const [one, other] = [await held.deploy(component), await held.deploy(component)]
  expect(await held.runtime.hold(one, 2)).toBe(2)
  expect(await held.runtime.hold(other, 1)).toBe(1)
  expect(held.runtime.stats().idle).toBe(3)
  await held.runtime.hold(one, 0)
  expect(held.runtime.stats().idle).toBe(1)
  held.runtime.forget(other.deployment)
  expect(held.runtime.stats()).toMatchObject({ idle: 0, snapshots: 1 })
  held.runtime.forget(one.deployment)
  expect(held.runtime.stats()).toMatchObject({ idle: 0, snapshots: 0 })
})

test('one that is in use when it is given up becomes an instance like any other', async () => {
  await using held = await testRuntime()
  const body = `(call $block (call $timer (i64.const 1000000)))
    (call $ok (i32.load (local.get $event)) (i32.load offset=4 (local.get $event)))`
  const spec = await held.deploy(await watGuest('handle-body', { body }))
  await held.runtime.hold(spec, 1)
  const running = held.invoke(spec, 'event', provisioned)
  while (held.runtime.stats().live === 0) await turn()
  await held.runtime.hold(spec, 0)
  expect(payloadText(await running)).toBe('event')
  await turn()
  expect((await held.invoke(spec, 'event')).report.start).toBe('warm')
})

test('what cannot be made is not claimed', async () => {
  await using held = await testRuntime()
  const spec = await held.deploy(await canary('a'), { snapshot: '0'.repeat(64) })
  expect(await held.runtime.hold(spec, 2)).toBe(0)
})
