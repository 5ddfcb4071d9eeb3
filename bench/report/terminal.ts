/** The figures and the table of targets as text. */
import type { Figure, FigureResult, Row, Target } from '../figure.ts'
import { formatLimit, formatSummary, verdictOf } from './format.ts'
import { renderTable, wrapText } from './table.ts'

/** A figure that was measured, or why it was not. */
export interface Outcome {
  figure: Figure
  result: FigureResult | undefined
  /** Why there is no result. */
  reason: string | undefined
  /** A canary failed, or the bench or Thaw is broken: the run ends with an exit code of 1. */
  defect: boolean
  seconds: number
}

const width = 110

export function renderFigure({ figure, result, reason, seconds }: Outcome): string {
  const title = `${figure.title} (${seconds.toFixed(0)} s)`
  if (result === undefined) return `${title}\n${wrapText(`not measured: ${reason ?? ''}`, width, '  ')}\n`
  const table = renderTable({
    head: ['', 'median (5 % to 95 % of the rounds)', ''],
    rows: result.rows.map((row) => [row.label, formatSummary(row.value, row.unit), extraOf(row)]),
  })
  const notes = result.notes.map((note) => wrapText(note, width, '  * '))
  return [title, table, ...notes, ''].join('\n')
}

function extraOf({ extra, unit, note }: Row): string {
  const parts =
    extra === undefined ? [] : [`${extra.label} ${formatSummary(extra.value, extraUnit(extra.label, unit))}`]
  return [...parts, ...(note === undefined ? [] : [note])].join('; ')
}

/** Percentiles are in the row's own unit; other extras say theirs in their label. */
function extraUnit(label: string, unit: Row['unit']): Row['unit'] {
  return label.startsWith('p') ? unit : 'count'
}

/** Every target there is, of the figures that were not run or measured as well. */
export function targetsOf(outcomes: readonly Outcome[]): Target[] {
  return outcomes.flatMap(({ figure, result, reason }) =>
    figure.targets.map((target) => {
      const measured = result?.targets.find(({ label }) => label === target.label)
      return measured ?? { ...target, value: undefined, note: reason ?? 'no value' }
    }),
  )
}

export function renderTargets(targets: readonly Target[]): string {
  return renderTable({
    head: ['target', 'measured', 'wanted', ''],
    rows: targets.map((target) => [
      target.label,
      target.value === undefined ? '-' : formatSummary(target.value, target.unit),
      formatLimit(target),
      verdictOf(target) + (target.value === undefined ? `: ${(target.note ?? '').slice(0, 60)}` : ''),
    ]),
  })
}
