/** `string` in the three encodings of the canonical ABI. */
import { GuestTrap } from '../errors.ts'
import type { AbiContext } from './context.ts'
import type { AbiType } from './type.ts'

/** CanonicalABI.md, `UTF16_TAG`: set in the length of a latin1+utf16 string that is UTF-16. */
const UTF16_TAG = 0x8000_0000

// Without `stream` a decoder keeps nothing from one call to the next.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf16Decoder = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true })

function decode(cx: AbiContext, decoder: TextDecoder, bytes: Uint8Array): string {
  cx.countString(bytes.byteLength)
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw new GuestTrap(`a string is not valid ${decoder.encoding}`)
  }
}

function read(cx: AbiContext, ptr: number, tagged: number): string {
  if (cx.encoding === 'utf8') return decode(cx, utf8Decoder, cx.bytes(ptr, tagged))
  if (cx.encoding === 'utf16') return decode(cx, utf16Decoder, cx.bytes(ptr, tagged * 2, 2))
  if (tagged >= UTF16_TAG) return decode(cx, utf16Decoder, cx.bytes(ptr, (tagged - UTF16_TAG) * 2, 2))
  const bytes = cx.bytes(ptr, tagged, 2)
  cx.countString(bytes.byteLength)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** Allocates in the guest and writes; the pointer and the (tagged) length are what the guest gets. */
function write(cx: AbiContext, value: string): [ptr: number, tagged: number] {
  const [encoding, align] = hostEncoding(cx, value)
  // A lone surrogate has no encoding: it becomes U+FFFD, which Node does for UTF-8 by itself.
  const text = encoding === 'utf16le' ? value.toWellFormed() : value
  const size = Buffer.byteLength(text, encoding)
  const ptr = cx.allocate(size, align)
  Buffer.from(cx.view.buffer, ptr, size).write(text, encoding)
  if (encoding !== 'utf16le') return [ptr, size]
  return [ptr, cx.encoding === 'utf16' ? size / 2 : size / 2 + UTF16_TAG]
}

function hostEncoding(cx: AbiContext, value: string): ['utf8' | 'utf16le' | 'latin1', align: number] {
  if (cx.encoding === 'utf8') return ['utf8', 1]
  if (cx.encoding === 'utf16') return ['utf16le', 2]
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 0xff) return ['utf16le', 2]
  return ['latin1', 2]
}

export const string: AbiType<string> = {
  size: 8,
  align: 4,
  flat: ['i32', 'i32'],
  load: (cx, ptr) => read(cx, cx.view.getUint32(ptr, true), cx.view.getUint32(ptr + 4, true)),
  store(cx, ptr, value) {
    const [data, tagged] = write(cx, value)
    cx.view.setUint32(ptr, data, true)
    cx.view.setUint32(ptr + 4, tagged, true)
  },
  lift: (cx, flat) => read(cx, flat.i32(), flat.i32()),
  lower(cx, value, flat) {
    flat.push(...write(cx, value))
  },
}
