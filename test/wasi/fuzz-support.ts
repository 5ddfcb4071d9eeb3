/** What the fuzzes of the host have in common. */
import * as fc from 'fast-check'
import type { CoreValue } from '../../src/wasi/abi/type.ts'
import { GuestExit, GuestLimit, GuestTrap, InvocationAborted } from '../../src/wasi/errors.ts'
import { findFunction } from '../../src/wasi/offered.ts'

export const DROP = '[resource-drop]'

export type FunctionName = readonly [iface: string, func: string]

/** Any bits that a guest may pass. */
export const anyI32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
export const anyI64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

/** One core call, with its flat arguments. */
export interface Call {
  iface: string
  name: string
  args: CoreValue[]
}

/** The core types of its parameters; of a drop, the handle's. */
export function flatOf([iface, name]: FunctionName): readonly string[] {
  return findFunction(iface, name)?.params.flat ?? ['i32']
}

/** Component errors are answers; besides them, nothing else may come out of the host. */
export function isAllowed(error: unknown): boolean {
  return [GuestTrap, GuestExit, GuestLimit, InvocationAborted].some((kind) => error instanceof kind)
}
