import type { AbiType } from './type.ts'

export const bool: AbiType<boolean> = {
  size: 1,
  align: 1,
  flat: ['i32'],
  load: (cx, ptr) => cx.view.getUint8(ptr) !== 0,
  store: (cx, ptr, value) => cx.view.setUint8(ptr, value ? 1 : 0),
  lift: (_cx, flat) => flat.i32() !== 0,
  lower: (_cx, value, flat) => void flat.push(value ? 1 : 0),
}

// The spec takes a narrow integer from an i32 modulo its width; it does not trap.
export const u8: AbiType<number> = {
  size: 1,
  align: 1,
  flat: ['i32'],
  load: (cx, ptr) => cx.view.getUint8(ptr),
  store: (cx, ptr, value) => cx.view.setUint8(ptr, value),
  lift: (_cx, flat) => flat.i32() & 0xff,
  lower: (_cx, value, flat) => void flat.push(value),
}

export const u16: AbiType<number> = {
  size: 2,
  align: 2,
  flat: ['i32'],
  load: (cx, ptr) => cx.view.getUint16(ptr, true),
  store: (cx, ptr, value) => cx.view.setUint16(ptr, value, true),
  lift: (_cx, flat) => flat.i32() & 0xffff,
  lower: (_cx, value, flat) => void flat.push(value),
}

export const u32: AbiType<number> = {
  size: 4,
  align: 4,
  flat: ['i32'],
  load: (cx, ptr) => cx.view.getUint32(ptr, true),
  store: (cx, ptr, value) => cx.view.setUint32(ptr, value, true),
  lift: (_cx, flat) => flat.i32(),
  lower: (_cx, value, flat) => void flat.push(value),
}

export const u64: AbiType<bigint> = {
  size: 8,
  align: 8,
  flat: ['i64'],
  load: (cx, ptr) => cx.view.getBigUint64(ptr, true),
  store: (cx, ptr, value) => cx.view.setBigUint64(ptr, value, true),
  lift: (_cx, flat) => flat.i64(),
  lower: (_cx, value, flat) => void flat.push(value),
}
