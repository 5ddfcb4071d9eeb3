/** Hostile guests with files: any calls of wasi:filesystem with any arguments end in an answer or one of the errors there are. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SnapshotHandle } from '../../src/snapshot/format.ts'
import type { CoreValue } from '../../src/wasi/abi/type.ts'
import { GuestLimit, GuestTrap } from '../../src/wasi/errors.ts'
import { offeredFunctions } from '../../src/wasi/offered.ts'
import { packageContents, packageOf } from './filesystem.support.ts'
import { anyI32, anyI64, DROP, flatOf, type Call, type FunctionName } from './fuzz-support.ts'
import { TestGuest } from './support.ts'

const captured: SnapshotHandle[] = [
  { handle: 1, kind: 'descriptor:/tmp' },
  { handle: 2, kind: 'descriptor:/var/task' },
]
const grant = { temporaryBytes: 40_000, package: packageOf(packageContents) }
/** At low addresses. */
const paths = ['a', 'a/b', 'c.', 'n', 'a/n', 'a/e', '..', 'c./b', 'config.json', 'a/../n/', '/etc', 'none/x', '']
const placed = paths.map((path, at): [number, number] => [paths.slice(0, at).join('').length, path.length])
/** Where methods take a path, by the index of its address, and where another handle. */
const taken: Record<string, { paths: number[]; handles?: Record<number, number[]> }> = {
  'open-at': { paths: [2] },
  'create-directory-at': { paths: [1] },
  'stat-at': { paths: [2] },
  'set-times-at': { paths: [2] },
  'link-at': { paths: [2, 5], handles: { 4: [1, 2, 4] } },
  'readlink-at': { paths: [1] },
  'remove-directory-at': { paths: [1] },
  'rename-at': { paths: [1, 4], handles: { 3: [1, 2, 4] } },
  'symlink-at': { paths: [1, 3] },
  'unlink-file-at': { paths: [1] },
  'metadata-hash-at': { paths: [2] },
  'is-same-object': { paths: [], handles: { 1: [1, 2, 3, 4, 5] } },
  splice: { paths: [], handles: { 1: [7] } },
  'blocking-splice': { paths: [], handles: { 1: [7] } },
}
/** The handles that are open when a sequence begins. */
const handles: Record<string, number[]> = {
  descriptor: [1, 2, 3, 4, 5],
  'directory-entry-stream': [6],
  'input-stream': [7],
  'output-stream': [8],
}

const interfaces = new Set(['wasi:filesystem/preopens', 'wasi:filesystem/types', 'wasi:io/streams'])
const names = offeredFunctions().filter(([iface, name]) => interfaces.has(iface) && !name.includes('subscribe'))

const i32 = fc.oneof(
  { weight: 45, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 1, arbitrary: anyI32 },
)
const i64 = fc.oneof({ weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 9_000n }) }, { weight: 1, arbitrary: anyI64 })
const resultPtr = fc.oneof({ weight: 60, arbitrary: fc.integer({ min: 16, max: 100 }).map((n) => n * 8) }, i32)

function callOf([iface, name]: FunctionName): fc.Arbitrary<Call> {
  const flat = flatOf([iface, name])
  const known = handles[/^\[(?:method|resource-drop)\]([a-z-]+)/.exec(name)?.[1] ?? ''] ?? [1]
  const { paths = [], handles: others = {} } = taken[name.split('.').at(-1) ?? ''] ?? {}
  const rest = flat.slice(1).map((type, at): fc.Arbitrary<CoreValue> => {
    if (type === 'i64') return i64
    return others[at + 1] === undefined ? i32 : mostly(fc.constantFrom(...(others[at + 1] ?? [])))
  })
  const self = flat.length === 0 ? [] : [mostly(fc.constantFrom(...known))]
  const args: fc.Arbitrary<CoreValue[]> = fc.tuple(...self, ...rest, resultPtr)
  const places = fc.tuple(...paths.map(() => fc.option(fc.constantFrom(...placed), { freq: 15 })))
  return fc.tuple(args, places).map(([values, found]) => {
    for (const [at, index] of paths.entries()) values.splice(index, found[at] ? 2 : 0, ...(found[at] ?? []))
    return { iface, name, args: values }
  })
}

/** A trap ends a sequence: so what would not trap at once is drawn more often. */
function mostly(values: fc.Arbitrary<number>): fc.Arbitrary<number> {
  return fc.oneof({ weight: 30, arbitrary: values }, { weight: 1, arbitrary: i32 })
}

// These succeed with few of all arguments only.
const seldom = names.filter(([, name]) => /(?:\.link|rename)-at$/.test(name))
const call = fc.oneof(
  { weight: 5, arbitrary: fc.oneof(...names.map(callOf)) },
  { weight: 1, arbitrary: fc.oneof(...seldom.map(callOf)) },
)
const calls = fc.array(call, { minLength: 1, maxLength: 40, size: 'max' })

/** A file, a folder, a file of the package, and a listing and streams of them, as `handles` has them. */
function furnish(guest: TestGuest): void {
  const on = (handle: number, method: string, ...values: unknown[]) =>
    guest.invoke('wasi:filesystem/types', `[method]descriptor.${method}`, handle, ...values)
  const open = (base: number, path: string, how: string[], flags: string[]) =>
    on(base, 'open-at', new Set(), path, new Set(how), new Set(flags))
  on(1, 'create-directory-at', 'a')
  on(1, 'create-directory-at', 'a/e')
  on(1, 'symlink-at', 'a', 'c.')
  open(1, 'a/b', ['create'], ['read', 'write'])
  open(1, 'a', ['directory'], ['read'])
  open(2, 'config.json', [], ['read'])
  on(4, 'read-directory')
  on(5, 'read-via-stream', 0n)
  on(3, 'write-via-stream', 0n)
  if (guest.host.openHandles !== 8) throw new Error('the fixture is not as it is meant to be')
}

function pristineGuest(): TestGuest {
  const guest = new TestGuest({ limits: { handles: 12, hostCallBytes: 5_000 }, files: grant })
  guest.host.reset(captured)
  return guest
}

interface Outcome {
  unexpected: unknown[]
  succeeded: string[]
}

function perform(guest: TestGuest, { iface, name, args }: Call): 'ok' | 'err' | 'waits' {
  if (name.startsWith(DROP)) {
    guest.host.drop(iface, name.slice(DROP.length))(Number(args[0]))
    return 'ok'
  }
  const { fn } = guest.host.lower(iface, name, guest.options)
  if (fn(...args) instanceof Promise) return 'waits'
  const pointer = Number(args.at(-1)) >>> 0
  return new Uint8Array(guest.memory.buffer)[pointer] === 1 ? 'err' : 'ok'
}

/** Performs them up to the first trap, as for any guest. */
function run(guest: TestGuest, sequence: readonly Call[]): Outcome {
  const outcome: Outcome = { unexpected: [], succeeded: [] }
  for (const call of sequence) {
    Buffer.from(guest.memory.buffer).write(paths.join(''), 0)
    try {
      const answer = perform(guest, call)
      if (answer === 'waits') outcome.unexpected.push(new Error(`${call.name} waits`))
      if (answer === 'ok') outcome.succeeded.push(call.name)
    } catch (error) {
      if (!(error instanceof GuestTrap || error instanceof GuestLimit)) outcome.unexpected.push(error)
      break
    }
  }
  return outcome
}

test('only answers and traps come out, /tmp keeps to its limit, and after reset nothing is left', () => {
  const guest = pristineGuest()
  guest.host.end()
  guest.host.reset(captured)
  const pristine = guest.host.stateHash()
  const property = fc.property(calls, (sequence) => {
    guest.begin({ files: grant })
    furnish(guest)
    const { unexpected } = run(guest, sequence)
    const [open, stored] = [guest.host.openHandles, guest.host.temporaryBytes]
    guest.host.end()
    const left = [guest.host.openHandles, guest.host.heldBytes, guest.host.temporaryBytes]
    guest.host.reset(captured)
    expect({ unexpected, left, state: guest.host.stateHash() }).toEqual({
      unexpected: [],
      left: [0, 0, 0],
      state: pristine,
    })
    expect(open).toBeLessThanOrEqual(12)
    expect(stored).toBeLessThanOrEqual(40_000)
    expect(stored).toBeGreaterThanOrEqual(0)
  })
  fc.assert(property, { numRuns: 300 })
})

test('an allocator may answer anything at all', () => {
  const property = fc.property(calls, fc.array(i32, { minLength: 8, maxLength: 8 }), (sequence, answers) => {
    let asked = 0
    const realloc = () => answers[asked++ % answers.length] ?? 0
    const guest = new TestGuest({ limits: { handles: 12 }, files: grant, realloc })
    guest.host.reset(captured)
    furnish(guest)
    expect(run(guest, sequence).unexpected).toEqual([])
  })
  fc.assert(property, { numRuns: 200 })
})

test('the fuzz reaches success, not only errors', () => {
  const reached = new Set<string>()
  for (const sequence of fc.sample(calls, { numRuns: 600, seed: 1 })) {
    const guest = pristineGuest()
    furnish(guest)
    for (const name of run(guest, sequence).succeeded) reached.add(name)
    guest.host.end()
  }
  const never = names.map(([, name]) => name).filter((name) => !reached.has(name))
  // No error is open to be asked.
  expect(never).toEqual(['filesystem-error-code'])
})
