/**
 * Paths of routes. A pattern is segments: literal, `*` for any one, and as the last one `*` for all that follows, which
 * may be nothing. Empty segments, and so a slash at the end, count for nothing on either side, and literals are compared
 * percent-decoded: two spellings that a function may take for the same must not be told apart by who may call them.
 */
import { ThawError } from '../../errors.ts'

/** Ours. */
const maxLength = 512
const maxSegments = 32

const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

/** A segment of a pattern as a trie of them has it. */
export type PatternSegment = { kind: 'literal'; text: string } | { kind: 'any' } | { kind: 'rest' }

/** The one way to write it. Errors: `InvalidParameterValue` with the rule that it breaks. */
export function parseRoutePath(text: string): string {
  if (!text.startsWith('/')) throw invalid(`Path must begin with a slash, and ${JSON.stringify(text)} does not.`)
  if (text.length > maxLength)
    throw invalid(`Path must have at most ${maxLength} characters, this one has ${text.length}.`)
  const segments = text.split('/').filter((segment) => segment !== '')
  if (segments.length > maxSegments)
    throw invalid(`Path must have at most ${maxSegments} segments, this one has ${segments.length}.`)
  return `/${segments.map((segment) => (segment === '*' ? segment : canonical(segment))).join('/')}`
}

/** @param path as `parseRoutePath` gave it */
export function patternSegments(path: string): PatternSegment[] {
  const segments = path.split('/').filter((segment) => segment !== '')
  return segments.map((segment, index) => {
    if (segment !== '*') return { kind: 'literal', text: decodeURIComponent(segment) }
    return { kind: index === segments.length - 1 ? 'rest' : 'any' }
  })
}

/**
 * A request's path, segments decoded. Undefined for what no route can mean: what does not begin with a slash, cannot be
 * decoded, or has `.` and `..` in it, which a function would resolve after the route was chosen.
 */
export function requestSegments(path: string): string[] | undefined {
  if (!path.startsWith('/')) return undefined
  const segments = path.split('/').filter((segment) => segment !== '')
  const texts = path.includes('%') ? segments.map(decoded) : segments
  return texts.every((text): text is string => text !== undefined && !hasDots(text)) ? texts : undefined
}

/** What the wildcards of a pattern stand for: `proxy` for the rest, if there is one, and the others by number, from 1. */
export function pathParameters(
  pattern: readonly PatternSegment[],
  segments: readonly string[],
): Record<string, string> | undefined {
  const parameters: Record<string, string> = {}
  let anys = 0
  for (const [index, { kind }] of pattern.entries()) {
    if (kind === 'any') parameters[String(++anys)] = segments[index] ?? ''
    else if (kind === 'rest' && segments.length > index) parameters.proxy = segments.slice(index).join('/')
  }
  return Object.keys(parameters).length === 0 ? undefined : parameters
}

function canonical(segment: string): string {
  if (/[{}]/.test(segment))
    throw invalid(`Path has no named parameters: write * for any one segment where it says ${segment}.`)
  if (/[?#]/.test(segment)) throw invalid(`Path has no query and no fragment, and ${segment} has.`)
  if (segment.includes('*'))
    throw invalid(`In Path, * is a whole segment, and as a character %2A; ${segment} is neither.`)
  const text = decoded(segment)
  if (text === undefined) throw invalid(`Path cannot be percent-decoded: ${segment}`)
  // eslint-disable-next-line no-control-regex
  if (hasDots(text) || /[\\/\u0000-\u001f\u007f]/.test(text))
    throw invalid(`Path has a segment that no request can be told by: ${JSON.stringify(segment)}`)
  // RFC 3986, section 3.3: these need no escape in a path.
  const plain = encodeURIComponent(text).replaceAll(/%(24|26|2B|2C|3A|3B|3D|40)/g, decodeURIComponent)
  return plain.replaceAll('*', '%2A')
}

const hasDots = (segment: string): boolean => /(^|[\\/])\.\.?([\\/]|$)/.test(segment)

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
