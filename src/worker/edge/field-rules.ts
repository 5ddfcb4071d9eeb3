/** Which fields of a guest's messages go out, and which of a client's trailers come in. */
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { BodyError } from '../../http/body.ts'
import type { HeaderList } from '../../http/message.ts'

/** RFC 9110, section 7.6.1, and what came before it: about one connection, which is the host's. */
const hopByHop = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** RFC 9110, section 6.5.1: fields that come too late in trailers, or would frame, route or admit what has begun. */
const notInTrailers = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'max-forwards',
  'range',
  'set-cookie',
])

const isHopByHop = (name: string): boolean => hopByHop.has(name) || name.startsWith('proxy-')

const isTrailer = (name: string): boolean => !isHopByHop(name) && !notInTrailers.has(name)

/**
 * What of a guest's fields is about the message, not about the connection.
 * Errors: BodyError `protocol`, for a field that is none.
 */
export function endToEndFields(fields: HeaderList): [name: string, value: string][] {
  const named = new Set(valuesOf(fields, 'connection').flatMap((value) => value.toLowerCase().split(/[\s,]+/)))
  const kept: [string, string][] = []
  for (const [name, value] of fields) {
    checkField(name, value)
    const lower = name.toLowerCase()
    if (isHopByHop(lower) || (named.has(lower) && lower !== 'content-length')) continue
    kept.push([name, value])
  }
  return kept
}

export function valuesOf(fields: HeaderList, name: string): string[] {
  return fields.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value)
}

/** Errors: BodyError `protocol`. */
export function trailerFields(fields: HeaderList): [name: string, value: string][] {
  return endToEndFields(fields).filter(([name]) => isTrailer(name.toLowerCase()))
}

/** Names and values in turn, as `node:http` has them; it has checked them. */
export function incomingTrailers(raw: readonly string[]): HeaderList {
  const kept: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    if (isTrailer(name.toLowerCase())) kept.push([name, raw[at + 1] ?? ''])
  }
  return kept
}

function checkField(name: string, value: string): void {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch (cause) {
    throw new BodyError('protocol', `The header field ${JSON.stringify(name)} has a name or value that HTTP forbids.`, {
      cause,
    })
  }
}

/**
 * Undefined if it is not said. Errors: BodyError `protocol`, for a length that is none, or two that differ.
 */
export function contentLength(fields: HeaderList): number | undefined {
  const [value, ...others] = valuesOf(fields, 'content-length')
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value) || others.some((other) => other !== value))
    throw new BodyError('protocol', 'The Content-Length of the response is malformed, or said twice.')
  return Number(value)
}
