/** The two sections of a core module that the build must read or change: imports and exports. Core spec, 5.5. */
import { ThawError } from '../../errors.ts'

const preambleBytes = 8
const exportSection = 7

/** Module and name of each import, by V8's own reading of the binary. */
export function importsOf(module: Uint8Array<ArrayBuffer>): { module: string; name: string }[] {
  return WebAssembly.Module.imports(new WebAssembly.Module(module))
}

/** A copy with one export under another name; asc can write identifiers only. Throws `Build` if there is no such export. */
export function renameExport(module: Uint8Array, from: string, to: string): Uint8Array<ArrayBuffer> {
  const reader = new Reader(module, preambleBytes)
  while (reader.at < module.length) {
    const start = reader.at
    const id = reader.byte()
    const size = reader.u32()
    const end = reader.at + size
    if (id === exportSection) {
      const content = renamed(module, reader, end, from, to)
      return concat([module.subarray(0, start), Uint8Array.of(id), leb(content.length), content, module.subarray(end)])
    }
    reader.at = end
  }
  throw new ThawError('Build', `The module exports nothing named ${from}`)
}

function renamed(module: Uint8Array, reader: Reader, end: number, from: string, to: string): Uint8Array {
  const start = reader.at
  const count = reader.u32()
  for (let index = 0; index < count; index++) {
    const nameAt = reader.at
    const length = reader.u32()
    const name = new TextDecoder().decode(module.subarray(reader.at, reader.at + length))
    reader.at += length
    const afterName = reader.at
    reader.byte()
    reader.u32()
    if (name !== from) continue
    const bytes = new TextEncoder().encode(to)
    return concat([module.subarray(start, nameAt), leb(bytes.length), bytes, module.subarray(afterName, end)])
  }
  throw new ThawError('Build', `The module exports nothing named ${from}`)
}

class Reader {
  readonly #bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  byte(): number {
    const byte = this.#bytes[this.at]
    if (byte === undefined) throw new ThawError('Build', 'The module is cut short')
    this.at += 1
    return byte
  }

  u32(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
}

function leb(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest & 0x7f
    rest >>>= 7
    bytes.push(rest === 0 ? low : low | 0x80)
  } while (rest !== 0)
  return Uint8Array.from(bytes)
}

function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
