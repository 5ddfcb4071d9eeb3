import { describe, expect, test } from 'vitest'
import type { Figure, Target } from '../../bench/figure.ts'
import { formatLimit, formatNumber, formatSummary, verdictOf } from '../../bench/report/format.ts'
import { renderTargets, targetsOf } from '../../bench/report/terminal.ts'
import { renderTable, wrapText } from '../../bench/report/table.ts'

const target: Target = { label: 'reset', op: '<=', limit: 0.02, unit: 'ratio', value: undefined }
const at = (median: number, low: number, high: number) => ({ median, low, high, n: 5 })

describe('numbers', () => {
  test.each([
    [0, '0'],
    [0.012345, '0.0123'],
    [4.5678, '4.57'],
    [99.96, '100'],
    [12_345.6, '12,346'],
    [Number.NaN, '-'],
  ])('%d is %s', (value, text) => {
    expect(formatNumber(value)).toBe(text)
  })

  test('a summary of several rounds shows its spread, one of a single round does not', () => {
    expect(formatSummary(at(5, 4, 6), 'us')).toBe('5 us (4 to 6)')
    expect(formatSummary({ median: 5, low: 5, high: 5, n: 1 }, 'ms')).toBe('5 ms')
  })
})

describe('targets', () => {
  test('small ratios are said as fractions', () => {
    expect(formatLimit(target)).toBe('at most 1/50')
    expect(formatLimit({ ...target, op: '>=', limit: 0.75 })).toBe('at least 0.75')
    expect(formatLimit({ ...target, limit: 10, unit: 'ms' })).toBe('at most 10 ms')
  })

  test('the median decides, and a spread over the limit is said', () => {
    expect(verdictOf({ ...target, value: at(0.01, 0.009, 0.011) })).toBe('holds')
    expect(verdictOf({ ...target, value: at(0.01, 0.009, 0.03) })).toBe('holds, spread crosses it')
    expect(verdictOf({ ...target, value: at(0.03, 0.028, 0.04) })).toBe('missed')
    expect(verdictOf({ ...target, op: '>=', value: at(0.03, 0.01, 0.04) })).toBe('holds, spread crosses it')
    expect(verdictOf(target)).toBe('not measured')
  })

  test('those of a figure that could not be measured are listed with the reason', () => {
    const figure: Figure = {
      id: 'x',
      title: 'X',
      targets: [{ label: 'reset', op: '<=', limit: 0.02, unit: 'ratio' }],
      needs: [],
      measure: () => Promise.reject(new Error('unused')),
    }
    const targets = targetsOf([{ figure, result: undefined, reason: 'no peer', defect: false, seconds: 1 }])
    expect(renderTargets(targets)).toContain('not measured: no peer')
  })
})

describe('text', () => {
  test('columns are as wide as their widest cell', () => {
    expect(renderTable({ head: ['a', 'b'], rows: [['long', '1']] }).split('\n')).toEqual([
      '  a     b',
      '  ----  -',
      '  long  1',
    ])
  })

  test('a note is wrapped under its mark', () => {
    expect(wrapText('one two three', 9, '* ')).toBe('* one two\n  three')
  })
})
