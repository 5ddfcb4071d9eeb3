import { array, assert, double, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { median, quantile, ratioOfRounds, summarize, thinned } from '../../bench/stats.ts'

describe('quantile', () => {
  test('interpolates between neighbours, whatever the order', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
    expect(quantile([30, 10, 20], 0.25)).toBe(15)
  })

  test('its ends are the smallest and the largest', () => {
    expect(quantile([5, 9, 2], 0)).toBe(2)
    expect(quantile([5, 9, 2], 1)).toBe(9)
  })

  test('is NaN where there is nothing', () => {
    expect(quantile([], 0.5)).toBeNaN()
  })

  test('does not disturb what it is given', () => {
    const values = [3, 1, 2]
    quantile(values, 0.5)
    expect(values).toEqual([3, 1, 2])
  })

  test('never decreases with the share, and stays among the values', () => {
    const finite = double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })
    assert(
      property(array(finite, { minLength: 1 }), double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const at = quantile(values, q)
        expect(at).toBeGreaterThanOrEqual(Math.min(...values))
        expect(at).toBeLessThanOrEqual(Math.max(...values))
        expect(quantile(values, q / 2)).toBeLessThanOrEqual(at)
      }),
    )
  })
})

describe('summaries', () => {
  test('a summary has the median, the spread from 5 % to 95 %, and how many there were', () => {
    const hundred = Array.from({ length: 101 }, (_, index) => index)
    expect(summarize(hundred)).toEqual({ median: 50, low: 5, high: 95, n: 101 })
  })

  test('a ratio is taken round by round: what slows both sides of a round cancels out', () => {
    const ratio = ratioOfRounds([10, 20, 40], [5, 10, 20])
    expect(ratio).toEqual({ median: 2, low: 2, high: 2, n: 3 })
  })

  test('a round that one side lacks, or in which it was nothing, is left out', () => {
    expect(ratioOfRounds([10, 10, 10], [5, 0])).toMatchObject({ median: 2, n: 1 })
  })
})

describe('thinned', () => {
  test('keeps the extremes and the shape', () => {
    const values = Array.from({ length: 1_000 }, (_, index) => 1_000 - index)
    const few = thinned(values, 11)
    expect(few).toHaveLength(11)
    expect(few[0]).toBe(1)
    expect(few.at(-1)).toBe(1_000)
    expect(median(few)).toBeCloseTo(median(values), -1)
  })

  test('keeps all when there are few, in order', () => {
    expect(thinned([3, 1, 2], 5)).toEqual([1, 2, 3])
  })
})
