import { expect, test } from 'vitest'
import { globalText, globalValue, sameValue } from '../../src/instance/values.ts'

function bits(value: number | bigint, type: 'i32' | 'i64' | 'f32' | 'f64'): bigint {
  const view = new DataView(new ArrayBuffer(8))
  if (type === 'f32') view.setFloat32(0, Number(value))
  else view.setFloat64(0, Number(value))
  return view.getBigUint64(0)
}

test.each([
  ['i32', -1],
  ['i32', -(2 ** 31)],
  ['i64', -1n],
  ['i64', -(2n ** 63n)],
  ['i64', 2n ** 63n - 1n],
  ['f32', 1.5],
  ['f32', Number.NEGATIVE_INFINITY],
  ['f64', Math.PI],
  ['f64', -0],
  ['f64', Number.NaN],
  ['f64', Number.MIN_VALUE],
] as const)('%s %s survives as text', (type, value) => {
  const back = globalValue({ type, value: globalText(type, value) })
  expect(sameValue(back, value)).toBe(true)
  expect(bits(back, type)).toBe(bits(value, type))
})

test('what a guest can tell apart is not the same', () => {
  expect(sameValue(0, -0)).toBe(false)
  expect(sameValue(Number.NaN, Number.NaN)).toBe(true)
  expect(sameValue(1n, 1)).toBe(false)
})
