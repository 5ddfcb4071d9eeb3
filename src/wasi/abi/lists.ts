import { GuestLimit } from '../errors.ts'
import type { AbiContext, ElementLimit } from './context.ts'
import type { AbiType } from './type.ts'

/** Bytes made where they are needed: `fill` writes straight into the guest's memory, so the host holds no copy. */
export interface ByteSource {
  readonly byteLength: number
  fill(into: Uint8Array<ArrayBuffer>): void
}

function listType<T>(read: (cx: AbiContext, ptr: number, length: number) => T, write: Writer<T>): AbiType<T> {
  return {
    size: 8,
    align: 4,
    flat: ['i32', 'i32'],
    load: (cx, ptr) => read(cx, cx.view.getUint32(ptr, true), cx.view.getUint32(ptr + 4, true)),
    store(cx, ptr, value) {
      const [data, length] = write(cx, value)
      cx.view.setUint32(ptr, data, true)
      cx.view.setUint32(ptr + 4, length, true)
    },
    lift: (cx, flat) => read(cx, flat.i32(), flat.i32()),
    lower(cx, value, flat) {
      flat.push(...write(cx, value))
    },
  }
}

function writeBytes(cx: AbiContext, value: Uint8Array): [ptr: number, length: number] {
  const ptr = cx.allocate(value.byteLength, 1)
  new Uint8Array(cx.view.buffer).set(value, ptr)
  return [ptr, value.byteLength]
}

type Writer<T> = (cx: AbiContext, value: T) => [ptr: number, length: number]

/** `list<u8>`. Lifted as a view of guest memory, valid until the guest runs again: copy what is kept. */
export const bytes: AbiType<Uint8Array> = listType<Uint8Array>((cx, ptr, length) => cx.bytes(ptr, length), writeBytes)

/** `list<u8>` that the host copies: counted among the call's strings, and like them bounded. */
export const countedBytes: AbiType<Uint8Array> = listType<Uint8Array>((cx, ptr, length) => {
  const view = cx.bytes(ptr, length)
  cx.countString(length)
  return view
}, writeBytes)

/** `list<u8>` that is only ever lowered, from a source. */
export const byteSource: AbiType<ByteSource> = listType<ByteSource>(
  (cx, ptr, length) => {
    const view = cx.bytes(ptr, length)
    return { byteLength: length, fill: (into) => into.set(view) }
  },
  (cx, source) => {
    const ptr = cx.allocate(source.byteLength, 1)
    source.fill(cx.bytes(ptr, source.byteLength))
    return [ptr, source.byteLength]
  },
)

/** `list<T>`. Lifting one longer than the context allows throws GuestLimit, before a single element is made. */
export function list<T>(element: AbiType<T>, limit: ElementLimit = 'handles'): AbiType<T[]> {
  return listType<T[]>(
    (cx, ptr, length) => {
      cx.check(ptr, length * element.size, element.align)
      const most = cx.shared.maxElements[limit]
      if (length > most) throw new GuestLimit(limit, `a list of ${length} elements, more than ${most}`)
      const values: T[] = []
      for (let i = 0; i < length; i++) values.push(element.load(cx, ptr + i * element.size))
      return values
    },
    (cx, values) => {
      const ptr = cx.allocate(values.length * element.size, element.align)
      values.forEach((value, i) => element.store(cx, ptr + i * element.size, value))
      return [ptr, values.length]
    },
  )
}
