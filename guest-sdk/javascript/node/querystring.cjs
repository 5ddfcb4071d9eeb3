/** node:querystring. */
const hasOwn = Object.hasOwn

/** What encodeURIComponent leaves and Node does too is the same set; a lone surrogate is an error there. */
const escape = (value) => encodeURIComponent(typeof value === 'object' ? String(value) : value)

function unescape(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    // As Node: each escape that can be read is, bytes that are no UTF-8 become U+FFFD.
    return unescapeBytes(text)
  }
}

function unescapeBytes(text) {
  const { decodeUtf8, encodeUtf8 } = require('../bytes.js')
  const bytes = encodeUtf8(text)
  const out = []
  for (let at = 0; at < bytes.length; at++) {
    const hex = String.fromCharCode(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0)
    if (bytes[at] === 0x25 && /^[0-9a-f]{2}$/i.test(hex)) {
      out.push(Number.parseInt(hex, 16))
      at += 2
    } else out.push(bytes[at])
  }
  return decodeUtf8(Uint8Array.from(out))
}

function textOf(value) {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : ''
  return typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : ''
}

function stringify(record, separator = '&', equals = '=', options = undefined) {
  if (record === null || typeof record !== 'object') return ''
  const encode = options?.encodeURIComponent ?? querystring.escape
  return Object.keys(record)
    .flatMap((name) => {
      const value = record[name]
      const values = Array.isArray(value) ? value : [value]
      return values.map((each) => encode(textOf(name)) + equals + encode(textOf(each)))
    })
    .join(separator)
}

function parse(text, separator = '&', equals = '=', options = undefined) {
  const record = Object.create(null)
  if (typeof text !== 'string' || text === '') return record
  const decode = options?.decodeURIComponent ?? querystring.unescape
  const decoded = (part) => {
    const plain = part.replaceAll('+', ' ')
    return plain.includes('%') ? decode(plain) : plain
  }
  const limit = options?.maxKeys ?? 1_000
  const pairs = text.split(separator).filter((pair) => pair !== '')
  for (const pair of limit > 0 ? pairs.slice(0, limit) : pairs) {
    const at = pair.indexOf(equals)
    const name = decoded(at === -1 ? pair : pair.slice(0, at))
    const value = at === -1 ? '' : decoded(pair.slice(at + equals.length))
    if (!hasOwn(record, name)) record[name] = value
    else if (Array.isArray(record[name])) record[name].push(value)
    else record[name] = [record[name], value]
  }
  return record
}

const querystring = { parse, stringify, escape, unescape, decode: parse, encode: stringify }
module.exports = querystring
