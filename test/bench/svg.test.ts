import { describe, expect, test } from 'vitest'
import { distributionPlot, stripPlot } from '../../bench/report/svg.ts'

const series = [
  { label: 'Thaw & <friends>', values: Array.from({ length: 200 }, (_, index) => 0.1 + index / 100) },
  { label: 'workerd', values: [1, 2, 300] },
]
const options = { title: 'Latency', axis: 'ms', series }

/** Every tag closed, in order: enough of XML for what is written here. */
function wellFormed(svg: string): boolean {
  const open: string[] = []
  for (const [, close, name = '', rest = ''] of svg.matchAll(/<(\/?)([a-z]+)((?:[^>"]|"[^"]*")*)>/g)) {
    if (close === '/') {
      if (open.pop() !== name) return false
    } else if (!rest.endsWith('/')) open.push(name)
  }
  return open.length === 0
}

function numbersOf(svg: string, attribute: string): number[] {
  return [...svg.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map((match) => Number(match[1]))
}

describe.each([
  ['distribution', distributionPlot],
  ['strips', stripPlot],
])('%s', (_, plot) => {
  test('is well-formed, with its labels escaped', () => {
    const svg = plot(options)
    expect(wellFormed(svg)).toBe(true)
    expect(svg).toContain('Thaw &amp; &lt;friends&gt;')
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })

  test('has nothing outside of its frame', () => {
    const svg = plot(options)
    const [, width = 0, height = 0] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)?.map(Number) ?? []
    for (const x of [...numbersOf(svg, 'x1'), ...numbersOf(svg, 'cx')]) expect(x).toSatisfy(within(width))
    for (const y of [...numbersOf(svg, 'y1'), ...numbersOf(svg, 'cy')]) expect(y).toSatisfy(within(height))
  })

  test('takes series with nothing in them', () => {
    const svg = plot({ ...options, series: [{ label: 'none', values: [] }] })
    expect(wellFormed(svg)).toBe(true)
    expect(svg).not.toMatch(/NaN|Infinity/)
  })

  test('the same values give the same picture', () => {
    expect(plot(options)).toBe(plot(options))
  })
})

test('the axis is logarithmic: equal factors are equally far apart', () => {
  const svg = stripPlot({ title: '', axis: '', series: [{ label: '', values: [1, 10, 100] }] })
  const [a = 0, b = 0, c = 0] = numbersOf(svg, 'cx')
  expect(b - a).toBeCloseTo(c - b, 0)
  expect(b).toBeGreaterThan(a)
})

test('a distribution rises to the share that its samples can show', () => {
  const points = (values: number[]) =>
    /points="([^"]*)"/.exec(distributionPlot({ title: '', axis: '', series: [{ label: '', values }] }))?.[1] ?? ''
  const top = (values: number[]) =>
    Math.min(
      ...points(values)
        .split(' ')
        .map((point) => Number(point.split(',')[1])),
    )
  // Ten samples say nothing of p99; a thousand do. Smaller is higher.
  expect(top([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toBeGreaterThan(top(Array.from({ length: 1_000 }, (_, n) => n + 1)))
})

function within(limit: number): (value: number) => boolean {
  return (value) => value >= 0 && value <= limit
}
