/** Bodies of forms: multipart/form-data (RFC 7578) and application/x-www-form-urlencoded, to bytes and back. */
import { decodeUtf8, encodeUtf8 } from '../bytes.js'
import { crypto } from '../random.js'
import { bytesOf, File, joined } from './blob.js'
import { FormData } from './form-data.js'
import { URLSearchParams } from './url.js'

/** HTML, 4.10.21.8: how a name stands in a header. */
const escaped = (name) => name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22')
const unescaped = (name) => name.replaceAll('%0A', '\n').replaceAll('%0D', '\r').replaceAll('%22', '"')
const newlines = (text) => text.replaceAll(/\r\n?|\n/g, '\r\n')

/** @param {FormData} form @returns {{ bytes: Uint8Array, type: string }} */
export function encodeForm(form) {
  const boundary = `----thaw${crypto.getRandomValues(new Uint8Array(16)).toHex()}`
  const parts = []
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(newlines(name))}"`
    if (typeof value === 'string') parts.push(encodeUtf8(`${head}\r\n\r\n${newlines(value)}\r\n`))
    else {
      const type = value.type || 'application/octet-stream'
      parts.push(encodeUtf8(`${head}; filename="${escaped(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`))
      parts.push(bytesOf(value), encodeUtf8('\r\n'))
    }
  }
  parts.push(encodeUtf8(`--${boundary}--\r\n`))
  return { bytes: joined(parts), type: `multipart/form-data; boundary=${boundary}` }
}

/** @param {Uint8Array} bytes @param {string} type the content type. Throws TypeError for what is no form. */
export function decodeForm(bytes, type) {
  const essence = type.split(';')[0].trim().toLowerCase()
  if (essence === 'multipart/form-data') {
    const match = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type)
    if (match === null) throw new TypeError('The content type of a multipart body has no boundary')
    return decodeParts(bytes, match[1] ?? match[2])
  }
  if (essence === 'application/x-www-form-urlencoded') {
    const form = new FormData()
    for (const [name, value] of new URLSearchParams(decodeUtf8(bytes))) form.append(name, value)
    return form
  }
  throw new TypeError(`Content-Type was not one of "multipart/form-data" or "application/x-www-form-urlencoded".`)
}

function decodeParts(bytes, boundary) {
  // One character a byte: positions in the text are positions in the bytes.
  const text = atob(bytes.toBase64())
  const delimiter = `--${boundary}`
  const form = new FormData()
  let at = text.indexOf(delimiter)
  while (at !== -1) {
    at += delimiter.length
    if (text.startsWith('--', at)) return form
    const headEnd = text.indexOf('\r\n\r\n', at)
    const end = text.indexOf(`\r\n${delimiter}`, headEnd === -1 ? at : headEnd + 2)
    if (headEnd === -1 || end === -1) break
    appendPart(form, headersOf(decodeUtf8(bytes.subarray(at, headEnd))), bytes.slice(headEnd + 4, end))
    at = end + 2
  }
  throw new TypeError('The multipart body is malformed')
}

function headersOf(text) {
  return new Map(
    text
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')).trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
}

function appendPart(form, headers, content) {
  const disposition = headers.get('content-disposition') ?? ''
  const parameter = (name) => new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(disposition)?.[1]
  const name = parameter('name')
  if (!/^form-data\s*;/i.test(disposition) || name === undefined) throw new TypeError('A part of the body has no name')
  const filename = parameter('filename')
  if (filename === undefined) form.append(unescaped(name), decodeUtf8(content))
  else {
    const type = headers.get('content-type') ?? 'text/plain'
    form.append(unescaped(name), new File([content], unescaped(filename), { type }))
  }
}
