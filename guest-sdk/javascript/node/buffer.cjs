/**
 * node:buffer and the global Buffer: the `buffer` package. Its loops over characters are slow here, so strings go through
 * the engine's own UTF-8, base64 and hex; with those comes base64url, which the package lacks.
 */
const { decodeUtf8, encodeUtf8 } = require('../bytes.js')
const { defineGlobals } = require('../web/define.js')
const base = require('buffer/')

const { Buffer } = base
const fromAny = Buffer.from
const { toString, write } = Buffer.prototype
const { byteLength, isEncoding } = Buffer

/** Node takes base64 as it finds it: either alphabet, no padding, anything else skipped, the first '=' the end. */
function base64Bytes(text) {
  const end = text.indexOf('=')
  const clean = (end === -1 ? text : text.slice(0, end)).replaceAll(/[^A-Za-z0-9+/_-]/g, '')
  const whole = clean.length % 4 === 1 ? clean.slice(0, -1) : clean
  return Uint8Array.fromBase64(whole.replaceAll('-', '+').replaceAll('_', '/'), { lastChunkHandling: 'loose' })
}

function hexBytes(text) {
  const valid = /^(?:[0-9A-Fa-f]{2})*/.exec(text)[0]
  return Uint8Array.fromHex(valid)
}

const encoders = {
  utf8: encodeUtf8,
  base64: base64Bytes,
  base64url: base64Bytes,
  hex: hexBytes,
}
const decoders = {
  utf8: (bytes) => decodeUtf8(bytes),
  base64: (bytes) => bytes.toBase64(),
  base64url: (bytes) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true }),
  hex: (bytes) => bytes.toHex(),
  latin1: (bytes) => atob(bytes.toBase64()),
}
const names = { 'utf-8': 'utf8', binary: 'latin1' }
const nameOf = (encoding = 'utf8') => {
  const name = String(encoding).toLowerCase()
  return names[name] ?? name
}

const adopt = (bytes) => Object.setPrototypeOf(bytes, Buffer.prototype)
/** Plain: what a subclass of Uint8Array would be made of must not be another Buffer. */
const plain = (buffer, start, end) => new Uint8Array(buffer.buffer, buffer.byteOffset + start, Math.max(0, end - start))

Buffer.from = function from(value, encodingOrOffset, length) {
  const encode = typeof value === 'string' ? encoders[nameOf(encodingOrOffset)] : undefined
  return encode === undefined ? fromAny(value, encodingOrOffset, length) : adopt(encode(value))
}
Buffer.byteLength = function (value, encoding) {
  const encode = typeof value === 'string' ? encoders[nameOf(encoding)] : undefined
  return encode === undefined ? byteLength(value, encoding) : encode(value).length
}
Buffer.isEncoding = (encoding) => nameOf(encoding) === 'base64url' || isEncoding(encoding)
Buffer.of = (...bytes) => Buffer.from(bytes)
Buffer.copyBytesFrom = (view, offset = 0, length = view.length - offset) =>
  Buffer.from(new Uint8Array(view.slice(offset, offset + length).buffer))
Buffer.prototype.toString = function (encoding, start = 0, end = this.length) {
  const decode = decoders[nameOf(encoding)]
  if (decode === undefined) return toString.call(this, encoding, start, end)
  const from = Math.min(Math.max(Math.trunc(start) || 0, 0), this.length)
  return decode(plain(this, from, Math.min(Math.max(Math.trunc(end) || 0, 0), this.length)))
}
Buffer.prototype.toLocaleString = Buffer.prototype.toString
Buffer.prototype.write = function (text, offset, length, encoding) {
  // (text, encoding), (text, offset, encoding) and (text, offset, length, encoding).
  const given = typeof offset === 'string' ? offset : typeof length === 'string' ? length : encoding
  if (nameOf(given) !== 'base64url') return write.call(this, text, offset, length, encoding)
  const at = typeof offset === 'number' ? offset : 0
  const bytes = base64Bytes(text).subarray(0, typeof length === 'number' ? length : this.length - at)
  this.set(bytes.subarray(0, this.length - at), at)
  return Math.min(bytes.length, this.length - at)
}
for (const end of ['LE', 'BE']) {
  Buffer.prototype[`readBigUint64${end}`] = Buffer.prototype[`readBigUInt64${end}`]
  Buffer.prototype[`writeBigUint64${end}`] = Buffer.prototype[`writeBigUInt64${end}`]
}
defineGlobals({ Buffer })

module.exports = {
  ...base,
  Buffer,
  atob,
  btoa,
  kStringMaxLength: 1_073_741_799,
  transcode: (bytes, from, to) => Buffer.from(Buffer.from(bytes).toString(from), to),
  constants: { MAX_LENGTH: base.kMaxLength, MAX_STRING_LENGTH: 1_073_741_799 },
  isUtf8(bytes) {
    try {
      decodeUtf8(bytes, true)
      return true
    } catch {
      return false
    }
  },
  isAscii: (bytes) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).every((byte) => byte < 0x80),
  get Blob() {
    return globalThis.Blob
  },
  get File() {
    return globalThis.File
  },
}
