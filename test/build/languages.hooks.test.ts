/** thaw:hooks: what a function does before its snapshot, and first in each invocation. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { limitsSchema } from '../../src/config.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { functionToArtifacts, failureOf, payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'

let runtime: TestRuntime
beforeAll(async () => {
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

const source = `
  import { onInit, beforeSnapshot, afterRestore } from 'thaw:hooks'
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const order = []
  const cache = new Map([['stale', 1]])
  let opened = 0, fail, wait = 0
  onInit(async () => {
    await later(20)
    order.push('first init')
    onInit(() => { order.push('added init') })
  })
  onInit(() => void order.push('second init'))
  beforeSnapshot(() => { cache.clear(); order.push('first registered') })
  beforeSnapshot(async () => { await later(1); order.push('last registered') })
  afterRestore(async () => {
    await later(2)
    opened++
    order.push(process.env.COLOUR)
  })
  afterRestore(() => { order.push('after') })
  const top = await later(5).then(() => 'top')
  export const handler = async (event) => {
    if (event.register) {
      try { onInit(() => {}) } catch (error) { return error.message }
    }
    return { order, opened, top, cached: cache.size }
  }`

const deploy = async (text: string) => runtime.deploy(javascriptFunction(text), { environment: { COLOUR: 'blue' } })

test('hooks run in their order, and are waited for, timers too; each invocation starts from the snapshot', async () => {
  const spec = await deploy(source)
  const order = ['first init', 'second init', 'added init', 'last registered', 'first registered', 'blue', 'after']
  for (let call = 0; call < 2; call++) {
    const answer: unknown = JSON.parse(payloadText(await runtime.invoke(spec, '{}')))
    expect(answer).toEqual({ order, opened: 1, top: 'top', cached: 0 })
  }
})

test('a hook that is registered in an invocation is an error', async () => {
  const answer = payloadText(await runtime.invoke(await deploy(source), '{"register":true}'))
  expect(answer).toContain('onInit was called when init was over')
})

test('what an afterRestore hook throws is the function’s error, and the handler does not run', async () => {
  const spec = await deploy(`import { afterRestore } from 'thaw:hooks'
    afterRestore(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      throw new RangeError('no connection')
    })
    export const handler = async () => console.log('ran')`)
  const result = await runtime.invoke(spec, '{}')
  const { errorType, errorMessage, trace } = failureOf(result)
  expect([errorType, errorMessage, result.log]).toEqual(['RangeError', 'no connection', ''])
  expect(trace?.join('\n')).toMatch(/\/var\/task\/index\.mjs:4:\d+/)
})

test('the time of an afterRestore hook is the invocation’s', async () => {
  const spec = await deploy(`const { afterRestore } = require('thaw:hooks')
    afterRestore(() => new Promise((resolve) => setTimeout(resolve, 60)))
    exports.handler = async () => 1`)
  const { durationMs } = (await runtime.invoke(spec, '{}')).report
  expect(durationMs).toBeGreaterThanOrEqual(60)
})

describe('an init that a hook fails is an error with the hook and the author’s line', () => {
  const build = async (lines: string[]) => {
    const artifactsDir = await mkdtemp(join(tmpdir(), 'thaw-hooks-'))
    onTestFinished(() => rm(artifactsDir, { recursive: true, force: true }))
    const text = ['import * as hooks from "thaw:hooks"', ...lines, 'export const handler = async () => 1'].join('\n')
    const source = javascriptFunction({ 'src/index.ts': text }, 'src/index.handler')
    return functionToArtifacts(source, artifactsDir, limitsSchema.parse({}))
  }
  test.each([
    [
      ['hooks.onInit(async () => {', '  await null', '  throw new TypeError("no rates")', '})'],
      /^Init failed in the onInit hook registered at src\/index\.ts:2:\d+: TypeError: no rates \(src\/index\.ts:4:\d+\)$/,
    ],
    [
      ['hooks.beforeSnapshot(() => Promise.reject("why"))'],
      /^Init failed in the beforeSnapshot hook registered at src\/index\.ts:2:\d+: string: why$/,
    ],
    [
      [
        'hooks.onInit(async () => {',
        '  setTimeout(() => { throw new RangeError("late") }, 1)',
        '  await new Promise(() => {})',
        '})',
      ],
      /^Init failed in the onInit hook registered at src\/index\.ts:2:\d+: RangeError: late \(src\/index\.ts:3:\d+\)$/,
    ],
    [['hooks.afterRestore(1)'], /^Init failed: TypeError: afterRestore takes a function \(src\/index\.ts:2:\d+\)$/],
    [
      ['const lost = async () => { throw new Error("lost") }', 'hooks.onInit(() => { lost() })'],
      /^Runtime\.UnhandledPromiseRejection: Error: lost \(src\/index\.ts:2:\d+\)$/,
    ],
    [['import "thaw:nope"'], "Cannot import 'thaw:nope' (from src/index.ts): Thaw offers thaw:hooks"],
  ])('%j', async (lines, message) => {
    await expect(build(lines)).rejects.toThrow(message)
  })
})

test('instances come back clean', () => {
  expect(runtime.impurities).toEqual([])
})
