/** Small edits in a text whose source map stays right: none adds a line. */
import type { Segment } from './trace-map.ts'

export interface Edit {
  at: number
  /** In place of so many characters; as many, if any. */
  length: number
  text: string
  /** Of what is put at one place: ends of what is inside go before ends of what is around it, and those before beginnings. */
  kind: 'open' | 'close'
  /** Where the whole thing begins. */
  from: number
}

export interface Edited {
  code: string
  lines: Segment[][]
}

/** `lines` are the segments of each line of `code`; what is put in has the place of what follows it. */
export function edited(code: string, lines: Segment[][], places: Places, edits: readonly Edit[]): Edited {
  const sorted = edits.toSorted((one, other) => {
    if (one.at !== other.at) return one.at - other.at
    if (one.kind !== other.kind) return one.kind === 'close' ? -1 : 1
    return one.kind === 'close' ? other.from - one.from : one.from - other.from
  })
  const parts: string[] = []
  const byLine = new Map<number, Addition[]>()
  let from = 0
  for (const { at, length, text, kind } of sorted) {
    parts.push(code.slice(from, at), text)
    from = at + length
    if (length > 0) continue
    const [line, column] = places.at(at)
    const there = byLine.get(line) ?? []
    there.push({ column, length: text.length, opens: kind === 'open' })
    byLine.set(line, there)
  }
  parts.push(code.slice(from))
  return { code: parts.join(''), lines: lines.map((segments, line) => shifted(segments, byLine.get(line) ?? [])) }
}

interface Addition {
  column: number
  length: number
  opens: boolean
}

function shifted(segments: Segment[], additions: readonly Addition[]): Segment[] {
  if (additions.length === 0) return segments
  let next = 0
  let moved = 0
  return segments.flatMap(([column, source, line, originalColumn]): Segment[] => {
    let first: number | undefined
    for (let added = additions[next]; added !== undefined && added.column <= column; added = additions[++next]) {
      if (added.opens && added.column === column) first ??= column + moved
      moved += added.length
    }
    const place = [source, line, originalColumn] as const
    const here: Segment = [column + moved, ...place]
    return first === undefined ? [here] : [[first, ...place], here]
  })
}

/** Lines and columns of offsets, and whose code is there. */
export class Places {
  readonly #starts: number[] = [0]
  readonly #lines: readonly Segment[][]

  constructor(code: string, lines: readonly Segment[][]) {
    this.#lines = lines
    for (let at = code.indexOf('\n'); at !== -1; at = code.indexOf('\n', at + 1)) this.#starts.push(at + 1)
  }

  /** All from zero. */
  at(offset: number): [line: number, column: number] {
    let [low, high] = [0, this.#starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return [low, offset - (this.#starts[low] ?? 0)]
  }

  /** Lines without segments are nobody's. */
  isOwn(offset: number): boolean {
    return (this.#lines[this.at(offset)[0]] ?? []).length > 0
  }

  /** The number of the source file. */
  fileAt(offset: number): number | undefined {
    const [line, column] = this.at(offset)
    const segments = this.#lines[line] ?? []
    return (segments.findLast((segment) => segment[0] <= column) ?? segments[0])?.[1]
  }
}
