/** DER (X.690): the elements that keys, certificates and signatures are made of. */
export const tags = { integer: 2, bits: 3, octets: 4, oid: 6, sequence: 0x30 }
/** Context-specific and constructed: `[0]`. */
export const context = (number) => 0xa0 + number

export class DerError extends Error {
  name = 'DerError'
}
const malformed = () => new DerError('The DER is malformed')

/** Elements one after the other. Every element has to be taken, or left on purpose. */
export class DerReader {
  #bytes
  #at = 0
  constructor(bytes) {
    this.#bytes = bytes
  }
  get tag() {
    return this.#bytes[this.#at]
  }
  /** The contents of the next element. */
  take(tag) {
    if (this.tag !== tag) throw malformed()
    const bytes = this.#bytes
    let from = this.#at + 2
    let length = bytes[from - 1]
    if (length === undefined || length === 0x80 || length > 0x83) throw malformed()
    if (length > 0x80) {
      const end = from + length - 0x80
      const first = bytes[from]
      for (length = 0; from < end; from++) length = length * 256 + bytes[from]
      if (first === 0 || length < 0x80) throw malformed()
    }
    // NaN, where the length itself was cut short, is in no order.
    if (!(from + length <= bytes.length)) throw malformed()
    this.#at = from + length
    return bytes.subarray(from, this.#at)
  }
  /** The same if it has that tag, else undefined. */
  optional(tag) {
    return this.tag === tag ? this.take(tag) : undefined
  }
  sequence() {
    return new DerReader(this.take(tags.sequence))
  }
  /** A number that is not negative, without leading zeros. */
  integer() {
    const bytes = this.take(tags.integer)
    if (bytes.length === 0 || bytes[0] >= 0x80 || (bytes.length > 1 && bytes[0] === 0 && bytes[1] < 0x80))
      throw malformed()
    return trimmed(bytes)
  }
  /** One below 128. */
  small() {
    const bytes = this.integer()
    if (bytes.length > 1) throw malformed()
    return bytes[0] ?? 0
  }
  /** Whole bytes. */
  bits() {
    return wholeBits(this.take(tags.bits))
  }
  end() {
    if (this.#at !== this.#bytes.length) throw malformed()
  }
}

/** The contents of a BIT STRING as bytes. */
export function wholeBits(contents) {
  if (contents[0] !== 0) throw malformed()
  return contents.subarray(1)
}

/** What all of `bytes` is, as one sequence. */
export function sequenceIn(bytes) {
  const outer = new DerReader(bytes)
  const inner = outer.sequence()
  outer.end()
  return inner
}

export function trimmed(number) {
  let from = 0
  while (number[from] === 0) from++
  return number.subarray(from)
}

/** A number in that many bytes; undefined if it has more. */
export function padded(number, length) {
  const bytes = trimmed(number)
  if (bytes.length > length) return undefined
  const made = new Uint8Array(length)
  made.set(bytes, length - bytes.length)
  return made
}

export function joined(...parts) {
  const made = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    made.set(part, at)
    at += part.length
  }
  return made
}

export function element(tag, ...parts) {
  const contents = joined(...parts)
  const { length } = contents
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255]
  return joined(Uint8Array.from(head), contents)
}
export const sequence = (...parts) => element(tags.sequence, ...parts)
export function integer(number) {
  const bytes = trimmed(number)
  return element(tags.integer, bytes.length === 0 || bytes[0] >= 0x80 ? Uint8Array.of(0) : [], bytes)
}
export const bits = (bytes) => element(tags.bits, Uint8Array.of(0), bytes)
export const octets = (bytes) => element(tags.octets, bytes)
