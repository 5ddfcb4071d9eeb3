/** TextEncoder and TextDecoder (Encoding Standard). Of the legacy encodings: utf-16le, utf-16be and windows-1252. */
import { decodeUtf8, encodeUtf8 } from '../bytes.js'
import { bufferBytes, defineGlobals, webInterface } from './define.js'

/** Standard, 4.2: an encoding by its labels. */
const labels = {
  'utf-8': 'unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8',
  'utf-16le': 'csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le',
  'utf-16be': 'unicodefffe utf-16be',
  'windows-1252':
    'ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252',
}

/** windows-1252 from 0x80 to 0x9f; the rest is Latin-1. */
const windows1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178'

export class TextEncoder {
  get encoding() {
    return 'utf-8'
  }
  /** @param {unknown} [text] */
  encode(text = '') {
    return encodeUtf8(String(text))
  }
  encodeInto(text, target) {
    if (!(target instanceof Uint8Array)) throw new TypeError('The "dest" argument must be an instance of Uint8Array')
    const source = String(text)
    const whole = encodeUtf8(source)
    if (whole.length <= target.length) {
      target.set(whole)
      return { read: source.length, written: whole.length }
    }
    let read = 0
    let written = 0
    for (const character of source) {
      const bytes = encodeUtf8(character)
      if (written + bytes.length > target.length) break
      target.set(bytes, written)
      written += bytes.length
      read += character.length
    }
    return { read, written }
  }
}

const none = new Uint8Array(0)

export class TextDecoder {
  #encoding
  #fatal
  #ignoreBom
  /** Bytes of a character that a streaming call cut short. */
  #rest = none
  /** Whether this stream has begun: a byte order mark is one at its start only. */
  #begun = false

  constructor(label = 'utf-8', options = {}) {
    const wanted = String(label)
      .replaceAll(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '')
      .toLowerCase()
    this.#encoding = Object.keys(labels).find((name) => labels[name].split(' ').includes(wanted))
    if (this.#encoding === undefined) {
      throw new RangeError(`The "${label}" encoding is not supported: ${Object.keys(labels).join(', ')} are`)
    }
    this.#fatal = Boolean(options?.fatal)
    this.#ignoreBom = Boolean(options?.ignoreBOM)
  }
  get encoding() {
    return this.#encoding
  }
  get fatal() {
    return this.#fatal
  }
  get ignoreBOM() {
    return this.#ignoreBom
  }
  decode(input, options = {}) {
    const stream = Boolean(options?.stream)
    let bytes = input === undefined ? none : bufferBytes(input)
    if (bytes === undefined) throw new TypeError('The "input" argument must be an ArrayBuffer or a view of one')
    if (this.#rest.length > 0) {
      const joined = new Uint8Array(this.#rest.length + bytes.length)
      joined.set(this.#rest)
      joined.set(bytes, this.#rest.length)
      bytes = joined
    }
    const begun = this.#begun
    // What is left if decoding throws: a new stream.
    this.#begun = false
    this.#rest = none
    const cut = stream ? this.#cut(bytes) : 0
    const whole = cut === 0 ? bytes : bytes.subarray(0, bytes.length - cut)
    const text = this.#text(whole)
    if (stream) {
      this.#rest = bytes.slice(bytes.length - cut)
      this.#begun = begun || whole.length > 0
    }
    const marked = !begun && !this.#ignoreBom && this.#encoding !== 'windows-1252' && text.charCodeAt(0) === 0xfeff
    return marked ? text.slice(1) : text
  }

  #text(bytes) {
    if (this.#encoding === 'utf-8') return decodeUtf8(bytes, this.#fatal)
    if (this.#encoding === 'windows-1252') {
      return atob(bytes.toBase64()).replaceAll(/[\x80-\x9f]/g, (byte) => windows1252[byte.charCodeAt(0) - 0x80])
    }
    return this.#utf16(bytes, this.#encoding === 'utf-16be')
  }

  /** How many bytes at the end begin a character that is not complete. */
  #cut(bytes) {
    if (this.#encoding === 'windows-1252') return 0
    if (this.#encoding === 'utf-8') return incompleteUtf8(bytes)
    const odd = bytes.length % 2
    const high = bytes[bytes.length - odd - (this.#encoding === 'utf-16be' ? 2 : 1)]
    return (high & 0xfc) === 0xd8 ? odd + 2 : odd
  }

  #utf16(bytes, bigEndian) {
    const count = bytes.length >> 1
    let text = ''
    for (let at = 0; at < count; at += 4096) {
      const units = Array.from({ length: Math.min(4096, count - at) }, (_, index) => {
        const [first, second] = [bytes[(at + index) * 2], bytes[(at + index) * 2 + 1]]
        return bigEndian ? (first << 8) | second : (second << 8) | first
      })
      text += String.fromCharCode(...units)
    }
    if (bytes.length % 2 === 1) text += '\ud800'
    if (text.isWellFormed()) return text
    if (this.#fatal) throw new TypeError(`The encoded data was not valid for encoding ${this.#encoding}`)
    return text.toWellFormed()
  }
}

function incompleteUtf8(bytes) {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const lead = bytes[bytes.length - back]
    if (lead < 0x80) return 0
    if (lead < 0xc0) continue
    const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
    if (lead < 0xc2 || lead > 0xf4 || length <= back) return 0
    const second = back === 1 ? undefined : bytes[bytes.length - back + 1]
    if (second === undefined) return back
    const lower = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const upper = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    return second >= lower && second <= upper ? back : 0
  }
  return 0
}

webInterface(TextEncoder, 'TextEncoder', ['encoding', 'encode', 'encodeInto'])
webInterface(TextDecoder, 'TextDecoder', ['encoding', 'fatal', 'ignoreBOM', 'decode'])
defineGlobals({ TextEncoder, TextDecoder })
