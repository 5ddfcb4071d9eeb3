/** The two halves of `canon lower`: between a core call and the component-level function that answers it. */
import type { AbiContext } from './context.ts'
import { FlatReader } from './type.ts'
import type { AbiType, CoreValue } from './type.ts'

/** CanonicalABI.md, `MAX_FLAT_PARAMS` and `MAX_FLAT_RESULTS`: beyond them values go through memory. */
const MAX_FLAT_PARAMS = 16
const MAX_FLAT_ASYNC_PARAMS = 4
const MAX_FLAT_RESULTS = 1

/** number | bigint | undefined, or a promise of it. */
export type CoreFunction = (...args: CoreValue[]) => unknown

export interface FunctionType {
  /** The parameters as one tuple: that is how they are passed when there are too many to pass flat. */
  readonly params: AbiType<unknown[]>
  readonly result: AbiType<unknown> | undefined
}

/** The component-level arguments of a call. */
export function liftParams({ params }: FunctionType, cx: AbiContext, flat: readonly CoreValue[]): unknown[] {
  return liftAtMost(MAX_FLAT_PARAMS, params, cx, flat)
}

/** The same, of a call lowered asynchronously. */
export function liftAsyncParams({ params }: FunctionType, cx: AbiContext, flat: readonly CoreValue[]): unknown[] {
  return liftAtMost(MAX_FLAT_ASYNC_PARAMS, params, cx, flat)
}

function liftAtMost(most: number, params: AbiType<unknown[]>, cx: AbiContext, flat: readonly CoreValue[]): unknown[] {
  const reader = new FlatReader(flat)
  if (params.flat.length <= most) return params.lift(cx, reader)
  const ptr = reader.i32()
  cx.check(ptr, params.size, params.align)
  return params.load(cx, ptr)
}

/** What the core function returns for `value`; a larger result goes where the call's last argument points. */
export function lowerResult(
  { params, result }: FunctionType,
  cx: AbiContext,
  flat: readonly CoreValue[],
  value: unknown,
): CoreValue | undefined {
  if (result === undefined) return undefined
  if (result.flat.length <= MAX_FLAT_RESULTS) {
    const lowered: CoreValue[] = []
    result.lower(cx, value, lowered)
    return lowered[0]
  }
  const given = params.flat.length <= MAX_FLAT_PARAMS ? params.flat.length : 1
  const ptr = Number(flat[given]) >>> 0
  cx.check(ptr, result.size, result.align)
  result.store(cx, ptr, value)
  return undefined
}

/** The result of a call lowered asynchronously goes where its last argument points, however small it is. */
export function storeAsyncResult(
  { params, result }: FunctionType,
  cx: AbiContext,
  flat: readonly CoreValue[],
  value: unknown,
): void {
  if (result === undefined) return
  const given = params.flat.length <= MAX_FLAT_ASYNC_PARAMS ? params.flat.length : 1
  const ptr = Number(flat[given]) >>> 0
  cx.check(ptr, result.size, result.align)
  result.store(cx, ptr, value)
}
