/** wasi:clocks/system-clock 0.3 `instant`: as in 0.2, but signed. */
import { record } from '../abi/records.ts'
import { u32, u64 } from '../abi/scalars.ts'
import type { AbiType } from '../abi/type.ts'

export interface Instant {
  readonly seconds: bigint
  readonly nanoseconds: number
}

export const s64: AbiType<bigint> = {
  ...u64,
  load: (cx, ptr) => cx.view.getBigInt64(ptr, true),
  store: (cx, ptr, value) => cx.view.setBigInt64(ptr, value, true),
  lift: (_cx, flat) => BigInt.asIntN(64, flat.i64()),
}

export const instant = record<Instant>({ seconds: s64, nanoseconds: u32 })
