import { expect, test } from 'vitest'
import { watGuest } from '../support/guests.ts'
import { payloadText, testRuntime } from '../support/runtime.ts'

test('a table that another module than its own writes to is restored', async () => {
  await using runtime = await testRuntime()
  const spec = await runtime.deploy(await watGuest('shared-table'))
  for (let round = 0; round < 3; round++) expect(payloadText(await runtime.invoke(spec, 'event'))).toBe('0')
  expect(runtime.impurities).toEqual([])
})
