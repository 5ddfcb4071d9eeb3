/** JSON text to values, strictly as RFC 8259 has it. */
import { Json, JsonKind } from "./json"

/** Ours: deeper nesting is refused, before the guest's stack ends. */
const maxDepth: i32 = 1_000

@final
export class JsonReader {
  /** What was wrong, once `read` has answered null. */
  problem: string = ""
  private at: i32 = 0
  private depth: i32 = 0

  constructor(private source: string) {}

  read(): Json | null {
    const value = this.value()
    if (value === null) return null
    this.space()
    return this.at == this.source.length ? value : this.fail()
  }

  /** 0 at the end of the text. A NUL in the text is never valid where this is asked. */
  // @ts-ignore: decorator
  @inline
  private get code(): i32 {
    return this.at < this.source.length ? <i32>load<u16>(changetype<usize>(this.source) + ((<usize>this.at) << 1)) : 0
  }

  private fail(): Json | null {
    if (this.problem != "") return null
    const found = this.at < this.source.length ? "unexpected '" + this.source.charAt(this.at) + "'" : "the text ends"
    this.problem = "JSON: " + found + " at " + this.at.toString()
    return null
  }

  private space(): void {
    while (true) {
      const code = this.code
      if (code != 0x20 && code != 0x0a && code != 0x0d && code != 0x09) return
      this.at++
    }
  }

  private value(): Json | null {
    this.space()
    const code = this.code
    if (code == 0x22) return this.text()
    if (code == 0x7b) return this.object()
    if (code == 0x5b) return this.array()
    if (code == 0x74) return this.word("true", JsonKind.Boolean)
    if (code == 0x66) return this.word("false", JsonKind.Boolean)
    if (code == 0x6e) return this.word("null", JsonKind.Null)
    return this.number()
  }

  private word(word: string, kind: JsonKind): Json | null {
    for (let index = 0; index < word.length; index++, this.at++) {
      if (this.code != word.charCodeAt(index)) return this.fail()
    }
    const value = new Json(kind)
    if (kind == JsonKind.Boolean) value.text = word
    return value
  }

  private text(): Json | null {
    const characters = this.characters()
    if (characters === null) return null
    const value = new Json(JsonKind.String)
    value.text = characters
    return value
  }

  private number(): Json | null {
    const start = this.at
    if (this.code == 0x2d) this.at++
    if (this.code == 0x30) this.at++
    else if (!this.digits()) return this.fail()
    if (this.code == 0x2e) {
      this.at++
      if (!this.digits()) return this.fail()
    }
    if ((this.code | 0x20) == 0x65) {
      this.at++
      if (this.code == 0x2b || this.code == 0x2d) this.at++
      if (!this.digits()) return this.fail()
    }
    const value = new Json(JsonKind.Number)
    value.text = this.source.substring(start, this.at)
    return value
  }

  private digits(): bool {
    const start = this.at
    while (this.code >= 0x30 && this.code <= 0x39) this.at++
    return this.at > start
  }

  private array(): Json | null {
    if (!this.enter()) return null
    const value = Json.array()
    const items = value.items!
    this.at++
    this.space()
    if (this.code == 0x5d) return this.leave(value)
    while (true) {
      const item = this.value()
      if (item === null) return null
      items.push(item)
      this.space()
      if (this.code == 0x5d) return this.leave(value)
      if (this.code != 0x2c) return this.fail()
      this.at++
    }
  }

  private object(): Json | null {
    if (!this.enter()) return null
    const value = Json.object()
    const members = value.members!
    this.at++
    this.space()
    if (this.code == 0x7d) return this.leave(value)
    while (true) {
      this.space()
      if (this.code != 0x22) return this.fail()
      const name = this.characters()
      if (name === null) return null
      this.space()
      if (this.code != 0x3a) return this.fail()
      this.at++
      const member = this.value()
      if (member === null) return null
      members.set(name, member)
      this.space()
      if (this.code == 0x7d) return this.leave(value)
      if (this.code != 0x2c) return this.fail()
      this.at++
    }
  }

  private enter(): bool {
    if (++this.depth <= maxDepth) return true
    this.problem = "JSON: nested deeper than " + maxDepth.toString()
    return false
  }

  private leave(value: Json): Json {
    this.depth--
    this.at++
    return value
  }

  /** From the opening to behind the closing quote. */
  private characters(): string | null {
    const start = ++this.at
    while (true) {
      const code = this.code
      if (code == 0x22) return this.source.substring(start, this.at++)
      if (code == 0x5c) return this.unescaped(start)
      if (code < 0x20) {
        this.fail()
        return null
      }
      this.at++
    }
  }

  /** The rest of a string that has escapes: never longer than it is written. */
  private unescaped(start: i32): string | null {
    let end = this.at
    while (end < this.source.length && this.source.charCodeAt(end) != 0x22) {
      end += this.source.charCodeAt(end) == 0x5c ? 2 : 1
    }
    const room = changetype<string>(__new((<usize>(end - start)) << 1, idof<string>()))
    const base = changetype<usize>(room)
    const source = changetype<usize>(this.source)
    memory.copy(base, source + ((<usize>start) << 1), (<usize>(this.at - start)) << 1)
    let to = base + ((<usize>(this.at - start)) << 1)
    while (true) {
      let code = this.code
      if (code == 0x22) break
      if (code < 0x20) {
        this.fail()
        return null
      }
      this.at++
      if (code == 0x5c) {
        code = this.escape()
        if (code < 0) {
          this.fail()
          return null
        }
      }
      store<u16>(to, <u16>code)
      to += 2
    }
    this.at++
    return changetype<string>(__renew(base, to - base))
  }

  /** The code unit behind a backslash; -1 if there is no such escape, with `at` on it. */
  private escape(): i32 {
    const code = this.code
    if (code == 0x75) return this.hexadecimal()
    let unit = -1
    if (code == 0x22 || code == 0x5c || code == 0x2f) unit = code
    else if (code == 0x62) unit = 0x08
    else if (code == 0x66) unit = 0x0c
    else if (code == 0x6e) unit = 0x0a
    else if (code == 0x72) unit = 0x0d
    else if (code == 0x74) unit = 0x09
    if (unit >= 0) this.at++
    return unit
  }

  private hexadecimal(): i32 {
    this.at++
    let unit = 0
    for (let index = 0; index < 4; index++, this.at++) {
      const code = this.code
      const letter = code | 0x20
      if (code >= 0x30 && code <= 0x39) unit = (unit << 4) | (code - 0x30)
      else if (letter >= 0x61 && letter <= 0x66) unit = (unit << 4) | (letter - 0x57)
      else return -1
    }
    return unit
  }
}
