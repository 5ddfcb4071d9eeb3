/** Steps of hostile guests of WASI 0.3: the built-ins of the component model, and calls with any bits. */
import * as fc from 'fast-check'
import type { CoreValue } from '../../../src/wasi/abi/type.ts'
import type { AsyncBuiltin } from '../../../src/wasi/async/names.ts'
import { anyI32, anyI64, DROP, flatOf, type FunctionName } from '../fuzz-support.ts'
import type { AsyncGuest } from './support.ts'

const elements = ['http-trailers', 'http-result', 'cli-result', 'file-result'] as const
function copies(waits: boolean): AsyncBuiltin[] {
  const streams = (['stream.read', 'stream.write', 'stream.cancel-read', 'stream.cancel-write'] as const).map(
    (name) => ({
      name,
      waits,
    }),
  )
  const futures = elements.flatMap((element) =>
    (['future.read', 'future.write', 'future.cancel-read', 'future.cancel-write'] as const).map((name) => ({
      name,
      element,
      waits,
    })),
  )
  return [...streams, ...futures]
}

const builtins: readonly AsyncBuiltin[] = [
  ...(
    ['waitable-set.new', 'waitable-set.drop', 'waitable-set.poll', 'waitable-set.wait', 'waitable.join'] as const
  ).map((name) => ({ name })),
  ...(['subtask.drop', 'task.cancel', 'thread.yield', 'backpressure.inc', 'backpressure.dec'] as const).map((name) => ({
    name,
  })),
  { name: 'subtask.cancel', waits: false },
  ...(['stream.new', 'stream.drop-readable', 'stream.drop-writable'] as const).map((name) => ({ name })),
  { name: 'stream.new', element: 'directory-entry' },
  // More often such that the guest goes on.
  ...[true, false, false, false].flatMap(copies),
  ...elements.flatMap((element): AsyncBuiltin[] => [
    { name: 'future.new', element },
    { name: 'future.drop-readable', element },
    { name: 'future.drop-writable', element },
  ]),
]

// Mostly handles that may exist, which are also short lengths; but a guest may pass any bits.
export const i32 = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 300 }).map((n) => n * 8) },
  { weight: 1, arbitrary: anyI32 },
)
const i64 = fc.oneof(fc.bigInt({ min: 0n, max: 5_000n }), anyI64)
export const place = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 16, max: 400 }).map((n) => n * 8) }, i32)

/** Something that happens: to the guest, or around it. */
export type Step = (guest: AsyncGuest) => unknown

/** The handles of a type that are open, out of the text that tells all of the table. */
export function openOf(guest: AsyncGuest, type: string): number[] {
  const [, entries = ''] = /^entries (.*?) free/.exec(guest.host.stateHash()) ?? []
  return entries.split(' ').flatMap((entry, handle) => (entry.startsWith(`${type}:`) ? [handle] : []))
}

/** What a built-in takes first. */
function typeOf({ name }: AsyncBuiltin): string {
  const [kind = '', does = ''] = name.split('.')
  if (kind === 'stream' || kind === 'future') return `${/read/.test(does) ? 'readable' : 'writable'}-${kind}`
  return name === 'waitable.join' ? 'readable-stream' : kind
}

/** Mostly a handle that fits, if there is one. */
export function fitting(guest: AsyncGuest, type: string, any: number, fits: boolean): number {
  const open = openOf(guest, type)
  return fits && open.length > 0 ? (open[any % open.length] ?? any) : any
}

export const mostly = fc.oneof(
  { weight: 5, arbitrary: fc.constant(true) },
  { weight: 1, arbitrary: fc.constant(false) },
)

export const builtinStep = fc
  .tuple(fc.constantFrom(...builtins), i32, place, i32, mostly)
  .map(([builtin, handle, where, last, fits]): Step => {
    return (guest) => {
      const first = fitting(guest, typeOf(builtin), handle >>> 0, fits)
      const second = builtin.name === 'waitable.join' ? fitting(guest, 'waitable-set', last >>> 0, fits) : where
      return guest.builtin(builtin, first, second, last)
    }
  })

/** Any bits, lowered either way. */
export function callStep([iface, name]: FunctionName): fc.Arbitrary<Step> {
  const flat = flatOf([iface, name])
  const args = fc.tuple(...flat.map((type): fc.Arbitrary<CoreValue> => (type === 'i32' ? i32 : i64)), place)
  return fc.tuple(args, fc.boolean()).map(([values, async]): Step => (guest) => {
    if (name.startsWith(DROP)) return guest.host.drop(iface, name.slice(DROP.length))(Number(values[0]))
    const lowered = async
      ? guest.host.lowerAsync(iface, name, guest.options)
      : guest.host.lower(iface, name, guest.options).fn
    return lowered(...values)
  })
}
