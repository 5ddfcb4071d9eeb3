import { Json } from "thaw"

const newline: u8 = 0x0a
const carriageReturn: u8 = 0x0d

/** Lines of CSV without quotes, from bytes as they come, to lines of JSON. The first line names the columns. */
export class Records {
  count: i32 = 0
  private columns: Array<string> | null = null
  /** The line that has begun. */
  private line: Array<u8> = []

  /** The records that are whole now. */
  push(bytes: Uint8Array): string {
    // Joined once: a text that grows by `+=` would leave each of its steps in memory.
    const lines = new Array<string>()
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index]
      if (byte == newline) lines.push(this.record())
      else if (byte != carriageReturn) this.line.push(byte)
    }
    return lines.join("")
  }

  end(): string {
    return this.record()
  }

  private record(): string {
    if (this.line.length == 0) return ""
    const values = String.UTF8.decodeUnsafe(this.line.dataStart, this.line.length).split(",")
    this.line.length = 0
    const columns = this.columns
    if (columns === null) {
      this.columns = values
      return ""
    }
    const record = Json.object()
    for (let index = 0; index < columns.length; index++) {
      record.set(columns[index], index < values.length ? values[index] : "")
    }
    this.count++
    return record.toString() + "\n"
  }
}
