/** Numbers as the bench prints them. */
import type { Target, Unit } from '../figure.ts'
import type { Summary } from '../stats.ts'

const suffixes: Record<Unit, string> = {
  ms: ' ms',
  us: ' us',
  'req/s': ' req/s',
  KiB: ' KiB',
  MiB: ' MiB',
  'MiB/s': ' MiB/s',
  ratio: '',
  count: '',
  'us CPU': ' us CPU',
}

/** Three significant digits, thousands apart: `0.0123`, `4.56`, `12,300`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en-US')
  if (size === 0) return '0'
  return String(Number(value.toPrecision(3)))
}

export function formatValue(value: number, unit: Unit): string {
  return formatNumber(value) + suffixes[unit]
}

/** `4.56 us (4.1 to 5.2)`: the median, and where 90 % of the rounds lie. */
export function formatSummary({ median, low, high, n }: Summary, unit: Unit): string {
  const spread = n > 1 ? ` (${formatNumber(low)} to ${formatNumber(high)})` : ''
  return formatValue(median, unit) + spread
}

/** `at most 1/50`, `at least 0.75`, `at most 10 ms`. */
export function formatLimit({ op, limit, unit }: Omit<Target, 'value'>): string {
  const share = unit === 'ratio' && limit < 0.1 ? `1/${formatNumber(1 / limit)}` : formatValue(limit, unit)
  return `${op === '<=' ? 'at most' : 'at least'} ${share}`
}

/** The median decides; that the spread reaches over the limit is said. */
export function verdictOf({ op, limit, value }: Target): string {
  if (value === undefined || !Number.isFinite(value.median)) return 'not measured'
  const meets = (number: number) => (op === '<=' ? number <= limit : number >= limit)
  const crosses = meets(value.low) !== meets(value.high)
  return (meets(value.median) ? 'holds' : 'missed') + (crosses ? ', spread crosses it' : '')
}
