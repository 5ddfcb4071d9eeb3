import { chmod, rm, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { snapshotPaths } from '../../src/snapshot/manifest.ts'
import { watGuest } from '../support/guests.ts'
import { payloadText, testRuntime } from '../support/runtime.ts'

const canary = (letter: string) => watGuest('canary', { canary: letter.repeat(64), variant: '0', own: '3' })

test('cold, then warm, then restored for another function; the report says which', async () => {
  await using test = await testRuntime()
  const [one, other] = [await test.deploy(await canary('a')), await test.deploy(await canary('b'))]
  const cold = await test.invoke(one, 'event')
  expect(cold.report).toMatchObject({ start: 'cold', initMs: expect.any(Number), restoreMs: undefined })
  const warm = await test.invoke(one, 'event')
  expect(warm.report).toMatchObject({ start: 'warm', initMs: undefined, restoreMs: undefined })
  await new Promise(setImmediate)
  const restored = await test.invoke(other, 'event')
  expect(restored.report).toMatchObject({ start: 'restore', initMs: undefined, restoreMs: expect.any(Number) })
  expect(restored.report.maxMemoryBytes).toBe(2 * 65_536)
  expect(restored.report.cpuMs).toBeLessThanOrEqual(restored.report.durationMs)
})

test('warmed up, the first invocation is a restore', async () => {
  await using test = await testRuntime()
  const spec = await test.deploy(await canary('a'))
  await test.runtime.warm(spec)
  await test.runtime.warm(spec)
  expect((await test.invoke(spec, 'event')).report.start).toBe('restore')
})

test('many first invocations at once load the engine once and all answer', async () => {
  await using test = await testRuntime()
  const spec = await test.deploy(await watGuest('echo'))
  const results = await Promise.all(Array.from({ length: 20 }, (_, index) => test.invoke(spec, `event ${index}`)))
  expect(results.map(payloadText)).toEqual(Array.from({ length: 20 }, (_, index) => `event ${index}`))
  expect(test.runtime.stats()).toMatchObject({ live: 0, engines: 1, snapshots: 1 })
})

describe('forgetting', () => {
  test('a deployment keeps what another one still uses', async () => {
    await using test = await testRuntime()
    const component = await canary('a')
    const [one, other] = [await test.deploy(component), await test.deploy(component)]
    await test.invoke(one, 'event')
    await test.invoke(other, 'event')
    test.runtime.forget(one.deployment)
    expect(test.runtime.stats()).toMatchObject({ snapshots: 1, idle: 1 })
    expect((await test.invoke(other, 'event')).report.start).toBe('warm')
    test.runtime.forget(other.deployment)
    expect(test.runtime.stats()).toMatchObject({ snapshots: 0, idle: 0 })
  })

  test('while it runs lets it finish, and it can be deployed again', async () => {
    await using test = await testRuntime()
    const body = `(call $block (call $timer (i64.const 100000000)))
      (call $ok (i32.load (local.get $event)) (i32.load offset=4 (local.get $event)))`
    const spec = await test.deploy(await watGuest('handle-body', { body }))
    const running = test.invoke(spec, 'still here')
    while (test.runtime.stats().live === 0) await new Promise(setImmediate)
    test.runtime.forget(spec.deployment)
    expect(test.runtime.stats().snapshots).toBe(0)
    expect(payloadText(await running)).toBe('still here')
    expect(test.runtime.stats()).toMatchObject({ live: 0, idle: 0 })
    expect(payloadText(await test.invoke({ ...spec, deployment: 99 }, 'again'))).toBe('again')
  })

  test('and redeploying the same code at once, over and over', async () => {
    await using test = await testRuntime()
    const spec = await test.deploy(await canary('a'))
    for (let deployment = 1; deployment <= 20; deployment++) {
      const result = await test.invoke({ ...spec, deployment }, 'event')
      expect(payloadText(result)).toBe(`00010003${'a'.repeat(64)}`)
      test.runtime.forget(deployment)
    }
    await new Promise(setImmediate)
    expect(test.runtime.stats()).toMatchObject({ live: 0, idle: 0, snapshots: 0 })
  })

  test('engines that nobody uses do not pile up', async () => {
    await using test = await testRuntime()
    for (let variant = 0; variant < 12; variant++) {
      const spec = await test.deploy(
        await watGuest('canary', { canary: 'z'.repeat(64), variant: String(variant), own: '3' }),
      )
      await test.invoke(spec, 'event')
      test.runtime.forget(spec.deployment)
    }
    expect(test.runtime.stats().engines).toBe(8)
  })
})

test('a damaged snapshot is refused, and the function works again once it is whole', async () => {
  await using test = await testRuntime({ ownArtifacts: true })
  const spec = await test.deploy(await canary('a'))
  const { image } = snapshotPaths(test.artifactsDir, spec.snapshot)
  await chmod(image, 0o644)
  await rm(image)
  await writeFile(image, 'half')
  await expect(test.invoke(spec, 'event')).rejects.toMatchObject({ code: 'Artifact' })
  expect(test.runtime.stats()).toMatchObject({ live: 0, snapshots: 0 })
})

test('what an invocation is given arrives', async () => {
  await using test = await testRuntime()
  const spec = await test.deploy(await watGuest('echo'))
  const payload = Buffer.alloc(50_000, 'ä')
  const { outcome } = await test.invoke(spec, payload)
  expect(outcome.kind === 'success' && Buffer.from(outcome.payload).equals(payload)).toBe(true)
})

test('disposed of with an invocation under way, it ends in peace', async () => {
  const body = '(call $block (call $timer (i64.const 100000000))) (call $ok (i32.const 0) (i32.const 0))'
  await using test = await testRuntime()
  const spec = await test.deploy(await watGuest('handle-body', { body }))
  const running = test.invoke(spec)
  while (test.runtime.stats().live === 0) await new Promise(setImmediate)
  test.runtime[Symbol.dispose]()
  expect((await running).outcome.kind).toBe('success')
})
