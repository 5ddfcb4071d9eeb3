/**
 * `wildcard` patterns: `*` stands for any text, `\*` and `\\` for themselves. Each piece between two stars is searched
 * once, leftmost, by Knuth, Morris and Pratt: time is linear in the value, whatever a tenant wrote as a pattern.
 */

export interface Wildcard {
  /** Before the first star, after the last one, and between. Without a star `first` is the whole and `last` undefined. */
  first: string
  middle: readonly Piece[]
  last: string | undefined
}

interface Piece {
  text: string
  /** For each length of a partial match: the longest shorter one that its end begins. */
  fallback: Int32Array
}

/** Undefined if two stars follow each other, or a backslash does not escape a star or a backslash. */
export function parseWildcard(pattern: string): Wildcard | undefined {
  const pieces: string[] = []
  let piece = ''
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? ''
    if (character === '\\') {
      const escaped = pattern[++at]
      if (escaped !== '*' && escaped !== '\\') return undefined
      piece += escaped
    } else if (character === '*') {
      if (pattern[at + 1] === '*') return undefined
      pieces.push(piece)
      piece = ''
    } else piece += character
  }
  const [first, ...rest] = pieces
  if (first === undefined) return { first: piece, middle: [], last: undefined }
  return { first, middle: rest.map((text) => ({ text, fallback: fallbackOf(text) })), last: piece }
}

export function matchesWildcard({ first, middle, last }: Wildcard, value: string): boolean {
  if (last === undefined) return value === first
  if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false
  const end = value.length - last.length
  let at = first.length
  for (const piece of middle) {
    at = endOfFirst(piece, value, at, end)
    if (at === -1) return false
  }
  return true
}

function fallbackOf(text: string): Int32Array {
  const fallback = new Int32Array(text.length + 1)
  let matched = 0
  for (let at = 1; at < text.length; at++) {
    while (matched > 0 && text[at] !== text[matched]) matched = fallback[matched] ?? 0
    if (text[at] === text[matched]) matched++
    fallback[at + 1] = matched
  }
  return fallback
}

/** Where the first occurrence within `[from, end)` ends, or -1. */
function endOfFirst({ text, fallback }: Piece, value: string, from: number, end: number): number {
  let matched = 0
  for (let at = from; at < end; at++) {
    const code = value.charCodeAt(at)
    while (matched > 0 && code !== text.charCodeAt(matched)) matched = fallback[matched] ?? 0
    if (code === text.charCodeAt(matched)) matched++
    if (matched === text.length) return at + 1
  }
  return -1
}
