/** Plots as SVG text. One kind each: a distribution (share of requests over latency) and strips (every sample a dot). */
import { quantileOfSorted } from '../stats.ts'
import { formatNumber } from './format.ts'

export interface Series {
  label: string
  /** Positive; in the unit of the axis. */
  values: ArrayLike<number>
}

export interface PlotOptions {
  title: string
  subtitle?: string
  /** `latency, ms`; the axis is logarithmic. */
  axis: string
  series: Series[]
}

const width = 860
const left = 70
const right = 24
const top = 64
const fontFamily = 'system-ui, sans-serif'
/** Okabe and Ito's palette: told apart by the colour-blind as well. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#8a8a8a']

/** Cumulative distribution: how large a share of the values lies below. The upper end is stretched, to show the tail. */
export function distributionPlot(options: PlotOptions): string {
  const height = 460
  const bottom = 64 + Math.ceil(options.series.length / 3) * 20
  const x = logScale(options.series, left, width - right)
  // By the logarithm of the share above: p50, p90, p99 and p99.9 are evenly apart.
  const y = (share: number) => {
    const nines = Math.min(-Math.log10(Math.max(1 - share, 1e-9)), 3)
    return height - bottom - (nines / 3) * (height - bottom - top)
  }
  const grid = [0, 0.5, 0.9, 0.99, 0.999].map((share) => {
    const label = share === 0 ? 'p0' : `p${formatNumber(share * 100)}`
    return `${line(left, y(share), width - right, y(share), '#e3e3e3')}${text(left - 8, y(share) + 4, label, 'end')}`
  })
  const curves = options.series.map(({ values }, index) => {
    const sorted = Float64Array.from(values).sort()
    if (sorted.length === 0) return ''
    const points = Array.from({ length: 301 }, (_, step) => 1 - 10 ** (-3 * (step / 300)))
      // Beyond the last sample there is nothing known.
      .filter((share) => share * sorted.length <= sorted.length - 1)
      .map((share) => `${fixed(x.at(quantileOfSorted(sorted, share)))},${fixed(y(share))}`)
    return `<polyline fill="none" stroke="${colourOf(index)}" stroke-width="2" points="${points.join(' ')}"/>`
  })
  const legend = options.series.map(({ label }, index) => {
    const [column, row] = [index % 3, Math.floor(index / 3)]
    const [at, base] = [left + column * 260, height - bottom + 62 + row * 20]
    return `${line(at, base - 4, at + 22, base - 4, colourOf(index), 3)}${text(at + 28, base, label, 'start')}`
  })
  return svg(height, options, [...x.ticks(top, height - bottom), ...grid, ...curves, ...legend], height - bottom + 36)
}

/** A row a series: every value a dot, the median a bar with its number. */
export function stripPlot(options: PlotOptions): string {
  const rowHeight = 44
  const labels = 210
  const height = top + options.series.length * rowHeight + 60
  const x = logScale(options.series, labels, width - right)
  const rows = options.series.map(({ label, values }, index) => {
    const middle = top + (index + 0.5) * rowHeight
    const sorted = Float64Array.from(values).sort()
    // Spread over the row's height by a fixed rule, so that the same values give the same picture.
    const dots = [...sorted].map(
      (value, order) =>
        `<circle cx="${fixed(x.at(value))}" cy="${fixed(middle - 9 + ((order * 7) % 19))}" r="2.5" fill="${colourOf(index)}" fill-opacity="0.45"/>`,
    )
    const centre = quantileOfSorted(sorted, 0.5)
    const at = x.at(centre)
    const mark =
      sorted.length === 0
        ? ''
        : `${line(at, middle - 15, at, middle + 15, '#222', 2)}${text(at + 5, middle - 11, formatNumber(centre), 'start', 11)}`
    return `${text(labels - 12, middle + 4, label, 'end')}${dots.join('')}${mark}`
  })
  const foot = top + options.series.length * rowHeight
  return svg(height, options, [...x.ticks(top, foot), ...rows], foot + 36)
}

interface Scale {
  at(value: number): number
  ticks(from: number, to: number): string[]
}

/** Logarithmic over whole decades, with lines at 1, 2 and 5 of each. */
function logScale(series: Series[], from: number, to: number): Scale {
  let low = Number.POSITIVE_INFINITY
  let high = 0
  for (const { values } of series) {
    for (let index = 0; index < values.length; index++) {
      const value = values[index] ?? 0
      if (!(value > 0)) continue
      low = Math.min(low, value)
      high = Math.max(high, value)
    }
  }
  if (high === 0) [low, high] = [1, 10]
  const steps = [1, 2, 5]
  const all: number[] = []
  for (let decade = Math.floor(Math.log10(low)) - 1; decade <= Math.ceil(Math.log10(high)) + 1; decade++)
    for (const step of steps) all.push(step * 10 ** decade)
  const first = all.findLast((tick) => tick <= low) ?? low
  const last = all.find((tick) => tick >= high && tick > first) ?? high
  const at = (value: number) => from + (Math.log(Math.max(value, first) / first) / Math.log(last / first)) * (to - from)
  return {
    at,
    ticks(top, bottom) {
      return all
        .filter((tick) => tick >= first && tick <= last)
        .map((tick) => {
          const x = at(tick)
          return `${line(x, top, x, bottom, '#e3e3e3')}${text(x, bottom + 18, formatNumber(tick), 'middle')}`
        })
    },
  }
}

function svg(height: number, { title, subtitle, axis }: PlotOptions, body: string[], axisBase: number): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${fontFamily}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(left, 28, title, 'start', 17),
    subtitle === undefined ? '' : text(left, 48, subtitle, 'start', 12, '#666'),
    ...body,
    text((left + width - right) / 2, axisBase, axis, 'middle', 12, '#666'),
    '</svg>',
    '',
  ].join('\n')
}

function colourOf(index: number): string {
  return colours[index % colours.length] ?? '#000'
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, stroke = 1): string {
  return `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" stroke="${colour}" stroke-width="${stroke}"/>`
}

function text(x: number, y: number, content: string, anchor: string, size = 12, colour = '#222'): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}" font-size="${size}" fill="${colour}">${escaped(content)}</text>`
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
