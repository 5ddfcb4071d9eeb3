/** `application/x-www-form-urlencoded`, decoded as URLs' standard has it: `+` is a space, a `%` alone stays. */
export function formDecode(text: string): string {
  if (text.indexOf("%") < 0 && text.indexOf("+") < 0) return text
  const source = Uint8Array.wrap(String.UTF8.encode(text))
  const bytes = new Uint8Array(source.length)
  let to = 0
  for (let at = 0; at < source.length; at++) {
    let byte = source[at]
    if (byte == 0x2b) byte = 0x20
    else if (byte == 0x25 && at + 2 < source.length) {
      const high = digit(source[at + 1])
      const low = digit(source[at + 2])
      if (high >= 0 && low >= 0) {
        byte = <u8>((high << 4) | low)
        at += 2
      }
    }
    bytes[to++] = byte
  }
  return String.UTF8.decodeUnsafe(bytes.dataStart, to)
}

function digit(code: u8): i32 {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
