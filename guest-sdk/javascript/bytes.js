/**
 * UTF-8, both ways. QuickJS has no TextEncoder, and a loop over characters costs 100 us a KiB; its native base64
 * functions carry bytes to strings and back in a few.
 */
const ascii = /^\p{ASCII}*$/u

/** Lone surrogates become U+FFFD. @param {string} text @returns {Uint8Array} */
export function encodeUtf8(text) {
  if (ascii.test(text)) return Uint8Array.fromBase64(btoa(text))
  // encodeURIComponent writes UTF-8 as %XX, unescape turns each %XX into one character below 256.
  return Uint8Array.fromBase64(btoa(unescape(encodeURIComponent(text.toWellFormed()))))
}

/** Malformed sequences become U+FFFD, or with `fatal` a TypeError. @param {Uint8Array} bytes @returns {string} */
export function decodeUtf8(bytes, fatal = false) {
  const binary = atob(bytes.toBase64())
  if (ascii.test(binary)) return binary
  try {
    return decodeURIComponent(escape(binary))
  } catch {
    if (fatal) throw new TypeError('The encoded data was not valid for encoding utf-8')
    return decodeLossy(bytes)
  }
}

/** The slow way, for bytes that are not UTF-8: U+FFFD for each maximal ill-formed part (Encoding Standard, 9.1.1). */
function decodeLossy(bytes) {
  let text = ''
  let needed = 0
  let code = 0
  let lower = 0x80
  let upper = 0xbf
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (needed > 0) {
      if (byte >= lower && byte <= upper) {
        lower = 0x80
        upper = 0xbf
        code = (code << 6) | (byte & 0x3f)
        if (--needed === 0) text += String.fromCodePoint(code)
        continue
      }
      text += '\ufffd'
      needed = 0
      lower = 0x80
      upper = 0xbf
    }
    if (byte < 0x80) text += String.fromCharCode(byte)
    else if (byte >= 0xc2 && byte <= 0xdf) {
      needed = 1
      code = byte & 0x1f
    } else if (byte >= 0xe0 && byte <= 0xef) {
      if (byte === 0xe0) lower = 0xa0
      if (byte === 0xed) upper = 0x9f
      needed = 2
      code = byte & 0xf
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      if (byte === 0xf0) lower = 0x90
      if (byte === 0xf4) upper = 0x8f
      needed = 3
      code = byte & 0x7
    } else text += '\ufffd'
  }
  return needed > 0 ? `${text}\ufffd` : text
}
