/** The web APIs and Node's modules by area: each guest checks itself against the standard and says what failed (test/fixtures/guests/web). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { javascriptFunction } from '../support/build-cache.ts'
import { fixtureText } from '../support/guests.ts'
import { payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'

let runtime: TestRuntime
beforeAll(async () => {
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

const reportSchema = z.object({ total: z.number(), passed: z.number(), failed: z.array(z.string()) })

/** How many checks there are at least: a guest that runs none has not passed. */
const areas: [area: string, atLeast: number][] = [
  ['url', 90],
  ['encoding', 75],
  ['headers', 40],
  ['fetch', 110],
  ['streams', 40],
  ['abort', 20],
  ['events', 30],
  ['clone', 40],
  ['blob', 45],
  ['crypto', 35],
  ['signatures', 65],
  ['node', 70],
]

test.each(areas)('web: %s', async (area, atLeast) => {
  const component = javascriptFunction({
    'index.mjs': `import './navigator.mjs'\nexport { handler } from './${area}.mjs'`,
    'navigator.mjs': 'if (navigator.userAgent !== "Thaw") throw new Error("not Thaw")',
    [`${area}.mjs`]: fixtureText(`web/${area}.mjs`),
    'harness.mjs': fixtureText('web/harness.mjs'),
  })
  const report = reportSchema.parse(
    JSON.parse(payloadText(await runtime.invoke(await runtime.deploy(component), '{}'))),
  )
  console.log(`web: ${area} ${report.passed} of ${report.total}`)
  expect(report.failed).toEqual([])
  expect(report.passed).toBe(report.total)
  expect(report.total).toBeGreaterThanOrEqual(atLeast)
})

test('instances come back clean', () => {
  expect(runtime.impurities).toEqual([])
})
