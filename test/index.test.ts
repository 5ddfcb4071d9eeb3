import { expect, test } from 'vitest'
import * as thaw from '../src/index.ts'

test('the public exports are these', () => {
  expect(Object.keys(thaw).toSorted()).toEqual(['ThawError', 'configFromEnvironment', 'startThaw'])
})
