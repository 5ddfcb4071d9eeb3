/** The few web globals that need no host: TextEncoder, TextDecoder, structuredClone, performance. */
import { decodeUtf8, encodeUtf8 } from './bytes.js'
import { invocation, monotonicMs } from './invocation.js'

export class TextEncoder {
  get encoding() {
    return 'utf-8'
  }
  /** @param {unknown} [text] */
  encode(text = '') {
    return encodeUtf8(String(text))
  }
  encodeInto(text, target) {
    let read = 0
    let written = 0
    for (const character of String(text)) {
      const bytes = encodeUtf8(character)
      if (written + bytes.length > target.length) break
      target.set(bytes, written)
      written += bytes.length
      read += character.length
    }
    return { read, written }
  }
}

export class TextDecoder {
  #fatal
  #ignoreBom
  /** Bytes of a sequence that a streaming call cut short. */
  #rest = new Uint8Array(0)

  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
    if (!/^\s*(utf-?8|unicode-1-1-utf-8)\s*$/i.test(label)) {
      throw new RangeError(`The "${label}" encoding is not supported: utf-8 is`)
    }
    this.#fatal = fatal
    this.#ignoreBom = ignoreBOM
  }
  get encoding() {
    return 'utf-8'
  }
  get fatal() {
    return this.#fatal
  }
  get ignoreBOM() {
    return this.#ignoreBom
  }
  decode(input, { stream = false } = {}) {
    let bytes = bytesOf(input)
    if (this.#rest.length > 0) {
      const joined = new Uint8Array(this.#rest.length + bytes.length)
      joined.set(this.#rest)
      joined.set(bytes, this.#rest.length)
      bytes = joined
    }
    const cut = stream ? incompleteTail(bytes) : 0
    this.#rest = bytes.slice(bytes.length - cut)
    const text = decodeUtf8(cut === 0 ? bytes : bytes.slice(0, bytes.length - cut), this.#fatal)
    return !this.#ignoreBom && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  }
}

function bytesOf(input) {
  if (input === undefined) return new Uint8Array(0)
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
  return new Uint8Array(input)
}

/** How many bytes at the end begin a sequence that is not complete. */
function incompleteTail(bytes) {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0
    if (byte < 0x80) return 0
  }
  return 0
}

/** Plain data, as far as an event or a result goes; functions and symbols are refused as the standard says. */
export function structuredClone(value) {
  return clone(value, new Map())
}

function clone(value, seen) {
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new DOMException(`${String(value)} could not be cloned.`, 'DataCloneError')
  }
  if (typeof value !== 'object' || value === null) return value
  if (seen.has(value)) return seen.get(value)
  const keep = (copy) => {
    seen.set(value, copy)
    return copy
  }
  if (value instanceof Date) return keep(new Date(value))
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags))
  if (value instanceof ArrayBuffer) return keep(value.slice(0))
  if (value instanceof DataView)
    return keep(new DataView(clone(value.buffer, seen), value.byteOffset, value.byteLength))
  if (ArrayBuffer.isView(value)) {
    return keep(new value.constructor(clone(value.buffer, seen), value.byteOffset, value.length))
  }
  if (value instanceof Map) {
    const copy = keep(new Map())
    for (const [key, item] of value) copy.set(clone(key, seen), clone(item, seen))
    return copy
  }
  if (value instanceof Set) {
    const copy = keep(new Set())
    for (const item of value) copy.add(clone(item, seen))
    return copy
  }
  if (value instanceof Error) {
    const copy = keep(new (globalThis[value.name] ?? Error)(value.message))
    copy.stack = value.stack
    if (value.cause !== undefined) copy.cause = clone(value.cause, seen)
    return copy
  }
  const copy = keep(Array.isArray(value) ? Array.from({ length: value.length }) : {})
  for (const key of Object.keys(value)) copy[key] = clone(value[key], seen)
  return copy
}

/** Counts from the first use in an invocation; the native one counts from the builder's start. */
let originMs
let originEpochMs
function started() {
  if (originMs === undefined || !invocation.live) {
    originMs = monotonicMs()
    originEpochMs = Date.now()
  }
  return originMs
}
export const forgetOrigin = () => {
  originMs = undefined
}
export const performance = {
  now: () => monotonicMs() - started(),
  get timeOrigin() {
    started()
    return originEpochMs
  },
  toJSON: () => ({ timeOrigin: performance.timeOrigin }),
}
