/** Reading and writing WebAssembly's binary primitives: LEB128 numbers, names, byte ranges. */
import { malformed } from './rejection.ts'

/** The module being rewritten: a private copy, so that nobody changes it between check and use. */
export type ModuleBytes = Uint8Array<ArrayBuffer>

/** A half-open range of the module's bytes. */
export interface Span {
  start: number
  end: number
}

// A name that is no UTF-8 is malformed; a leading byte order mark is part of the name.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf8Out = new TextEncoder()

/** A cursor over a range that never reads past its end. `what` names the range in errors. */
export class ByteReader {
  readonly bytes: ModuleBytes
  readonly end: number
  readonly what: string
  position: number

  constructor(bytes: ModuleBytes, { start, end }: Span, what: string) {
    this.bytes = bytes
    this.position = start
    this.end = end
    this.what = what
  }

  get done(): boolean {
    return this.position >= this.end
  }

  u8(): number {
    const byte = this.position < this.end ? this.bytes[this.position] : undefined
    if (byte === undefined) throw malformed(`the ${this.what} is truncated`)
    this.position += 1
    return byte
  }

  /** An unsigned 32-bit LEB128: at most five bytes, the fifth without bits past the 32nd. */
  u32(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    const last = this.u8()
    if (last > 0x0f) throw malformed(`the ${this.what} has a number longer than 32 bits`)
    return (value | (last << 28)) >>> 0
  }

  skip(count: number): void {
    if (count > this.end - this.position) throw malformed(`the ${this.what} is truncated`)
    this.position += count
  }

  name(): string {
    const length = this.u32()
    const start = this.position
    this.skip(length)
    try {
      return utf8.decode(this.bytes.subarray(start, this.position))
    } catch (cause) {
      throw malformed(`the ${this.what} has a name that is not UTF-8`, cause)
    }
  }

  /** Every section and body says how long it is: bytes left over mean it was read wrongly, or lies. */
  finish(): void {
    if (!this.done) throw malformed(`the ${this.what} has ${this.end - this.position} bytes too many`)
  }
}

/** The shortest unsigned LEB128 of `value` (at most 32 bits). */
export function u32(value: number): number[] {
  const out: number[] = []
  let rest = value >>> 0
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  out.push(rest)
  return out
}

export function name(text: string): number[] {
  const encoded = utf8Out.encode(text)
  return [...u32(encoded.length), ...encoded]
}

export function byteLength(chunks: readonly Uint8Array[]): number {
  let total = 0
  for (const chunk of chunks) total += chunk.length
  return total
}

export function concat(chunks: readonly Uint8Array[]): ModuleBytes {
  const out = new Uint8Array(byteLength(chunks))
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}
