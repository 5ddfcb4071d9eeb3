/** Base64 (RFC 4648, the standard alphabet, with padding): bodies of binary requests and responses. */
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

export namespace base64 {
  export function encode(bytes: Uint8Array): string {
    const length = bytes.length
    const text = changetype<string>(__new(<usize>((length + 2) / 3) << 3, idof<string>()))
    let to = changetype<usize>(text)
    for (let at = 0; at < length; at += 3, to += 8) {
      const left = length - at
      const group =
        (<u32>bytes[at] << 16) | (left > 1 ? <u32>bytes[at + 1] << 8 : 0) | (left > 2 ? <u32>bytes[at + 2] : 0)
      store<u16>(to, letter(group >> 18))
      store<u16>(to, letter(group >> 12), 2)
      store<u16>(to, left > 1 ? letter(group >> 6) : 0x3d, 4)
      store<u16>(to, left > 2 ? letter(group) : 0x3d, 6)
    }
    return text
  }

  /** The URL alphabet and missing padding are taken too. Null if it is not base64. */
  export function decode(text: string): Uint8Array | null {
    let end = text.length
    while (end > 0 && text.charCodeAt(end - 1) == 0x3d) end--
    if ((end & 3) == 1 || text.length - end > 2) return null
    const bytes = new Uint8Array((end * 3) >> 2)
    let group: u32 = 0
    let to = 0
    for (let at = 0; at < end; at++) {
      const value = valueOf(text.charCodeAt(at))
      if (value < 0) return null
      group = (group << 6) | value
      if ((at & 3) == 0) continue
      bytes[to++] = <u8>(group >> (6 - 2 * (at & 3)))
    }
    return bytes
  }

  // @ts-ignore: decorator
  @inline
  function letter(group: u32): u16 {
    return load<u16>(changetype<usize>(alphabet) + ((<usize>group & 63) << 1))
  }

  function valueOf(code: i32): i32 {
    if (code >= 0x41 && code <= 0x5a) return code - 0x41
    if (code >= 0x61 && code <= 0x7a) return code - 0x47
    if (code >= 0x30 && code <= 0x39) return code + 4
    if (code == 0x2b || code == 0x2d) return 62
    if (code == 0x2f || code == 0x5f) return 63
    return -1
  }
}
