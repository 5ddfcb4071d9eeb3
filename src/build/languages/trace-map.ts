/** The bundle's source map as the guest carries it, for stack traces that name the author's lines (guest-sdk/javascript/source-map.js). */
import { join, relative } from 'node:path'

/** What rolldown gives: source map revision 3. */
export interface BundleMap {
  /** Relative to where the bundle would be written. */
  sources: readonly string[]
  mappings: string
}

/** What the module with the exports is called. */
export const mainFile = 'bundle.mjs'

/** Past this the columns go, past it still everything does: the snapshot holds this text. */
const maxLength = 1_048_576

/** The segments of each line whose source has a name; `shown` gives it, undefined for what is not the function's. */
export function ownSegments(
  { sources, mappings }: BundleMap,
  shown: (source: string) => string | undefined,
): { files: string[]; lines: Segment[][] } {
  const files: string[] = []
  const indexes = sources.map((source) => {
    const name = shown(source)
    return name === undefined ? undefined : files.push(name) - 1
  })
  const lines = decoded(mappings).map((segments) =>
    segments.flatMap(([column, source, line, originalColumn]): Segment[] => {
      const file = indexes[source]
      return file === undefined ? [] : [[column, file, line, originalColumn]]
    }),
  )
  return { files, lines }
}

/**
 * The main module's code with the table of the segments of `file`, which may be itself. The table is in a line of its own
 * after the leading imports, which stay first (quick/loader.ts reads them by line).
 */
export function withTraceMap(
  code: string,
  file: string,
  { files, lines }: { files: string[]; lines: Segment[][] },
): string {
  const text = code.split('\n')
  const first = text.findIndex((line) => line !== '' && !line.startsWith('//') && !line.startsWith('import '))
  // In the main module itself, the table's own line maps to nothing.
  const segments = file === mainFile ? lines.toSpliced(first, 0, []) : lines
  const whole = segments.map(encoded).join(';')
  const short = whole.length <= maxLength ? whole : segments.map((line) => encoded(line.slice(0, 1))).join(';')
  const table = JSON.stringify({ file, files, lines: short.length <= maxLength ? short : '' })
  return text.toSpliced(first, 0, `globalThis.__thawSourceMap = ${table};`).join('\n')
}

/** All from zero. */
export type Segment = readonly [column: number, source: number, line: number, originalColumn: number]

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Absolute numbers of each line's segments; those without a source are left out. */
function decoded(mappings: string): Segment[][] {
  let [source, line, originalColumn] = [0, 0, 0]
  return mappings.split(';').map((text) => {
    let column = 0
    const segments: Segment[] = []
    for (const segment of text === '' ? [] : text.split(',')) {
      const [columns = 0, sources, lines = 0, columnsThere = 0] = numbers(segment)
      column += columns
      if (sources === undefined) continue
      source += sources
      line += lines
      originalColumn += columnsThere
      segments.push([column, source, line, originalColumn])
    }
    return segments
  })
}

function numbers(segment: string): number[] {
  const found: number[] = []
  let [value, shift] = [0, 0]
  for (const character of segment) {
    const digit = digits.indexOf(character)
    value += (digit & 31) * 2 ** shift
    shift += 5
    if ((digit & 32) !== 0) continue
    found.push(value % 2 === 1 ? -(value - 1) / 2 : value / 2)
    value = 0
    shift = 0
  }
  return found
}

function encoded(segments: readonly (readonly number[])[]): string {
  let before: readonly number[] = [0, 0, 0, 0]
  return segments
    .map((segment) => {
      const text = segment.map((value, at) => vlq(value - (before[at] ?? 0))).join('')
      before = segment
      return text
    })
    .join(',')
}

function vlq(value: number): string {
  let rest = value < 0 ? -value * 2 + 1 : value * 2
  let text = ''
  do {
    const digit = rest % 32
    rest = Math.floor(rest / 32)
    text += digits[rest > 0 ? digit + 32 : digit] ?? ''
  } while (rest > 0)
  return text
}

/** Where a source is, as Lambda has it: the package in /var/task, layers in /opt. */
export function taskPath(path: string, folder: string, layersFolder: string | undefined): string | undefined {
  for (const [root, there] of [
    [folder, '/var/task'],
    [layersFolder, '/opt'],
  ] as const) {
    if (root !== undefined && path.startsWith(`${root}/`)) return join(there, relative(root, path))
  }
  return undefined
}

/** As authors know it: paths in the package without `/var/task/`. */
export const shortPlace = (place: string): string => place.replace(/^\/var\/task\//, '')
