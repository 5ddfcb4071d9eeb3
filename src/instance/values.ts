/** Values of globals, in memory and as text in a snapshot's manifest. */
import type { SnapshotGlobal } from '../snapshot/format.ts'

const scratch = new DataView(new ArrayBuffer(8))

/** i32 and i64 in decimal, floats as their bits in hex: a NaN's payload survives. */
export function globalText(type: SnapshotGlobal['type'], value: number | bigint): string {
  switch (type) {
    case 'i32':
    case 'i64':
      return value.toString()
    case 'f32':
      scratch.setFloat32(0, Number(value))
      return scratch.getUint32(0).toString(16).padStart(8, '0')
    case 'f64':
      scratch.setFloat64(0, Number(value))
      return scratch.getBigUint64(0).toString(16).padStart(16, '0')
    default:
      return type satisfies never
  }
}

export function globalValue({ type, value }: Pick<SnapshotGlobal, 'type' | 'value'>): number | bigint {
  switch (type) {
    case 'i32':
      return Number(value)
    case 'i64':
      return BigInt(value)
    case 'f32':
      scratch.setUint32(0, Number.parseInt(value, 16))
      return scratch.getFloat32(0)
    case 'f64':
      scratch.setBigUint64(0, BigInt(`0x${value}`))
      return scratch.getFloat64(0)
    default:
      return type satisfies never
  }
}

/** NaN equals NaN, and 0 is not -0: a guest can tell them apart. */
export function sameValue(a: unknown, b: unknown): boolean {
  return Object.is(a, b)
}
