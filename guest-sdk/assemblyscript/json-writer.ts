/** Values to JSON text, written as JavaScript's JSON.stringify writes it: no spaces, lone surrogates escaped. */
import { Json, JsonKind } from "./json"

const hexDigits = "0123456789abcdef"

@final
export class JsonWriter {
  /** A string with room to spare; `end` is where it is filled to. */
  private buffer: usize = __new(512, idof<string>())
  private room: usize = 512
  private end: usize = 0

  write(value: Json): void {
    const kind = value.kind
    if (kind == JsonKind.String) this.quoted(value.text)
    else if (kind == JsonKind.Number || kind == JsonKind.Boolean) this.plain(value.text)
    else if (kind == JsonKind.Array) this.array(value.items!)
    else if (kind == JsonKind.Object) this.object(value.members!)
    else this.plain("null")
  }

  /** What was written. Nothing can be written after it. */
  toString(): string {
    return changetype<string>(__renew(this.buffer, this.end))
  }

  private array(items: Array<Json>): void {
    this.unit(0x5b)
    for (let index = 0; index < items.length; index++) {
      if (index > 0) this.unit(0x2c)
      this.write(items[index])
    }
    this.unit(0x5d)
  }

  private object(members: Map<string, Json>): void {
    const names = members.keys()
    this.unit(0x7b)
    for (let index = 0; index < names.length; index++) {
      if (index > 0) this.unit(0x2c)
      this.quoted(names[index])
      this.unit(0x3a)
      this.write(members.get(names[index]))
    }
    this.unit(0x7d)
  }

  private quoted(text: string): void {
    this.unit(0x22)
    // What needs no escape is copied in runs.
    let from = 0
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code >= 0x20 && code != 0x22 && code != 0x5c && (code & 0xf800) != 0xd800) continue
      if ((code & 0xfc00) == 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) == 0xdc00 && index + 1 < text.length) {
        index++
        continue
      }
      this.slice(text, from, index)
      this.escape(code)
      from = index + 1
    }
    this.slice(text, from, text.length)
    this.unit(0x22)
  }

  private escape(code: i32): void {
    this.unit(0x5c)
    if (code == 0x22 || code == 0x5c) this.unit(code)
    else if (code == 0x08) this.unit(0x62)
    else if (code == 0x0c) this.unit(0x66)
    else if (code == 0x0a) this.unit(0x6e)
    else if (code == 0x0d) this.unit(0x72)
    else if (code == 0x09) this.unit(0x74)
    else {
      this.unit(0x75)
      for (let shift = 12; shift >= 0; shift -= 4) this.unit(hexDigits.charCodeAt((code >> shift) & 15))
    }
  }

  private plain(text: string): void {
    this.slice(text, 0, text.length)
  }

  private slice(text: string, from: i32, to: i32): void {
    const bytes = (<usize>(to - from)) << 1
    this.reserve(bytes)
    memory.copy(this.buffer + this.end, changetype<usize>(text) + ((<usize>from) << 1), bytes)
    this.end += bytes
  }

  private unit(code: i32): void {
    this.reserve(2)
    store<u16>(this.buffer + this.end, <u16>code)
    this.end += 2
  }

  private reserve(bytes: usize): void {
    if (this.end + bytes <= this.room) return
    this.room = max(this.room * 2, this.end + bytes)
    this.buffer = __renew(this.buffer, this.room)
  }
}

/** As JavaScript writes it, but for the choice among the shortest digits. */
export function numberText(value: f64): string {
  // -0 too is written as 0.
  if (value == 0) return "0"
  const text = value.toString()
  return text.endsWith(".0") ? text.substring(0, text.length - 2) : text
}
