/**
 * How many of AWS's recorded answers are held to ours. Each replay file fails by itself where an answer differs, and by
 * `replaysAllOf` where a case is listed and not replayed; this one counts, and says what is left out.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { leftOut, leftOutSteps } from './left-out.ts'
import { cases } from './recorded.ts'

const original = join(import.meta.dirname, '../../../shared/lambda/aws-recorded.json')

it('at least 120 recorded cases are replayed; each that is not has its reason', () => {
  const replayed = Object.keys(cases)
  const reasons = Object.entries(leftOut)
  const stepReasons = Object.entries(leftOutSteps).flatMap(([name, steps]) =>
    Object.entries(steps).map(([step, reason]): [string, string] => [`${name}, ${step}`, reason]),
  )
  const steps = Object.values(cases).reduce((sum, all) => sum + Object.keys(all).length, 0)
  const lines = [...reasons, ...stepReasons].map(([name, reason]) => `  ${name}: ${reason}`)
  const whole = replayed.filter((name) => !(name in leftOutSteps)).length
  process.stdout.write(
    `replay: ${replayed.length} of ${replayed.length + reasons.length} recorded cases are replayed, ${whole} of them whole, ` +
      `${steps - stepReasons.length} of their ${steps} steps; left out are\n${lines.join('\n')}\n`,
  )
  expect(whole).toBeGreaterThanOrEqual(120)
  expect(replayed.filter((name) => name in leftOut)).toEqual([])
  expect(replayed.length).toBeGreaterThanOrEqual(120)
})

it.skipIf(!existsSync(original) && process.env.CI !== 'true')(
  'these are all that was recorded, and nothing was altered',
  () => {
    const all = z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .parse(JSON.parse(readFileSync(original, 'utf8')))
    expect([...Object.keys(cases), ...Object.keys(leftOut)].toSorted()).toEqual(Object.keys(all).toSorted())
    for (const [name, steps] of Object.entries(cases))
      for (const [step, answer] of Object.entries(steps))
        expect([name, step, answer]).toEqual([name, step, all[name]?.[step]])
  },
)
