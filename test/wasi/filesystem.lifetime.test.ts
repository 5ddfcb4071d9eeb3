/** How long files live, what they may take, and what a snapshot holds of them. */
import { expect, test } from 'vitest'
import type { SnapshotHandle } from '../../src/snapshot/format.ts'
import { GuestLimit, GuestTrap } from '../../src/wasi/errors.ts'
import { packageRoot } from '../../src/wasi/fs/package-files.ts'
import { findFunction, offeredFunctions } from '../../src/wasi/offered.ts'
import { FileGuest, bytes, packageContents, packageOf, writable } from './filesystem.support.ts'

const preopened: SnapshotHandle[] = [
  { handle: 1, kind: 'descriptor:/tmp' },
  { handle: 2, kind: 'descriptor:/var/task' },
]

const MB = 1_048_576
const packageFiles = packageOf(packageContents)
const grant = { temporaryBytes: MB, package: packageFiles }

test('an invocation finds /tmp empty and its package as it was, whatever the one before did', () => {
  const g = new FileGuest()
  g.put('file', 'x'.repeat(50_000))
  g.on(g.tmp, 'create-directory-at', 'dir')
  const open = g.opened(g.tmp, 'file')
  g.opened(g.task, 'config.json')
  g.on(open, 'read-via-stream', 0n)
  expect(g.host.temporaryBytes).toBeGreaterThan(50_000)
  g.host.end()
  expect([g.host.openHandles, g.host.heldBytes, g.host.temporaryBytes]).toEqual([0, 0, 0])
  g.host.reset(preopened)
  const pristine = g.host.stateHash()
  g.begin({ files: grant })
  expect([g.list(1), g.list(2), g.read(2, 'config.json')]).toEqual([
    [],
    ['config.json regular-file', 'data directory'],
    '{"stage":"test"}',
  ])
  g.host.end()
  g.host.reset(preopened)
  expect(g.host.stateHash()).toBe(pristine)
})

test('two instances share a package and nothing of /tmp', () => {
  const [a, b] = [new FileGuest({ files: grant }), new FileGuest({ files: grant })]
  a.put('file', 'mine')
  expect([a.read(a.tmp, 'file'), b.read(b.tmp, 'file')]).toEqual(['mine', 'no-entry'])
  expect(b.read(b.task, 'data/words.txt')).toBe('one two three')
})

test('what may be stored is counted in blocks and with names, and given back', () => {
  const g = new FileGuest({ files: { temporaryBytes: 20_000, package: undefined } })
  const empty = g.host.temporaryBytes
  g.put('a', 'x'.repeat(10_000))
  const used = g.host.temporaryBytes
  expect(used).toBeGreaterThan(12_288)
  expect(used).toBeLessThan(14_000)
  const file = writable(g)
  expect(g.on(file, 'write', new Uint8Array(10_000), 0n)).toBe('insufficient-space')
  g.on(g.tmp, 'unlink-file-at', 'a')
  expect(g.on(file, 'write', new Uint8Array(10_000), 0n)).toBe(10_000n)
  g.on(g.tmp, 'unlink-file-at', 'w')
  expect(g.host.temporaryBytes).toBeGreaterThan(12_000)
  g.close(file)
  expect(g.host.temporaryBytes).toBe(empty)
})

test.each([
  ['read', 'input-stream', 'read-via-stream', [0n]],
  ['written', 'output-stream', 'write-via-stream', [0n]],
  ['appended to', 'output-stream', 'append-via-stream', []],
])('bytes of a file that is %s as a stream stay until the stream is dropped', (_title, type, method, offset) => {
  const g = new FileGuest()
  g.put('a', 'x'.repeat(10_000))
  const file = g.opened(g.tmp, 'a', [], ['read', 'write'])
  const stream = Number(g.on(file, method, ...offset))
  g.close(file)
  g.on(g.tmp, 'unlink-file-at', 'a')
  expect(g.host.temporaryBytes).toBeGreaterThan(10_000)
  g.drop('wasi:io/streams', type, stream)
  expect(g.host.temporaryBytes).toBe(0)
})

test('open descriptors are handles, with the handles’ limit', () => {
  const g = new FileGuest({ limits: { handles: 10 } })
  g.put('a')
  const open = () => g.opened(g.tmp, 'a')
  for (let at = 0; at < 8; at++) open()
  expect(open).toThrow(GuestLimit)
})

test('without a grant /tmp is empty and cannot be written, and /var/task is empty', () => {
  const g = new FileGuest({ files: undefined })
  expect([g.list(g.tmp), g.list(g.task)]).toEqual([[], []])
  expect(g.open(g.tmp, 'x', ['create'], ['write'])).toBe('read-only')
  expect(g.on(g.tmp, 'create-directory-at', 'x')).toBe('read-only')
})

test('a file of the package that cannot be read is an I/O error', () => {
  const root = packageRoot({
    files: [{ path: 'a', size: 4 }],
    read() {
      throw new Error('the disk is gone')
    },
  })
  const g = new FileGuest({ files: { temporaryBytes: MB, package: root } })
  const file = g.opened(g.task, 'a')
  expect(g.on(file, 'read', 1n, 0n)).toBe('io')
  expect(g.pull(Number(g.on(file, 'read-via-stream', 0n)))).toBe('last-operation-failed')
})

test('init that was to write to /tmp is warned of, init that only looked is not', () => {
  const looked = new FileGuest({ files: { temporaryBytes: 0, package: packageFiles } })
  expect([looked.list(looked.tmp), looked.read(looked.task, 'config.json')]).toEqual([[], '{"stage":"test"}'])
  expect(looked.open(looked.task, 'new', ['create'], ['write'])).toBe('read-only')
  expect(looked.host.captureWarnings()).toEqual([])
  looked.open(looked.tmp, 'x', ['create'], ['write'])
  expect(looked.host.captureWarnings()).toEqual([expect.stringContaining('/tmp')])
})

test('preopened folders and the network are captured under their numbers', () => {
  const g = new FileGuest()
  g.preopens()
  g.close(g.tmp)
  g.number('wasi:sockets/instance-network', 'instance-network')
  expect(g.host.snapshotHandles()).toEqual([
    { handle: 1, kind: 'network' },
    { handle: 2, kind: 'descriptor:/var/task' },
    { handle: 3, kind: 'descriptor:/tmp' },
    { handle: 4, kind: 'descriptor:/var/task' },
  ])
})

test.each<[string, (g: FileGuest) => void, string]>([
  ['a file', (g) => g.opened(g.task, 'data/words.txt'), '/var/task/data/words.txt'],
  ['a folder', (g) => g.opened(g.task, 'data'), '/var/task/data'],
  ['a folder opened again', (g) => g.opened(g.tmp, '.'), '/tmp'],
  ['a listing', (g) => g.on(g.task, 'read-directory'), 'directory-entry-stream'],
  [
    'a stream',
    (g) => {
      const file = g.opened(g.task, 'config.json')
      g.on(file, 'read-via-stream', 0n)
      g.close(file)
    },
    'input-stream',
  ],
])('%s that init left open cannot be captured, and the error names it', (_title, leave, named) => {
  const g = new FileGuest({ files: { temporaryBytes: 0, package: packageFiles } })
  leave(g)
  const capture = () => g.host.snapshotHandles()
  expect(capture).toThrow(named)
  expect(capture).toThrow(expect.objectContaining({ code: 'Build' }))
})

test('a descriptor used as something else, and after its drop, traps', () => {
  const g = new FileGuest()
  const file = writable(g)
  expect(() => g.invoke('wasi:io/streams', '[method]input-stream.read', file, 1n)).toThrow('is a descriptor')
  g.close(file)
  expect(() => g.on(file, 'stat')).toThrow(GuestTrap)
})

test('a call with bytes outside of memory traps and writes nothing', () => {
  const g = new FileGuest()
  const file = writable(g)
  const write = () => g.result('wasi:filesystem/types', '[method]descriptor.write', file, 131_071, 1_000_000, 0n)
  expect(write).toThrow(GuestTrap)
  expect(g.host.openHandles).toBe(3)
})

test('a grant may differ from one invocation to the next', () => {
  const g = new FileGuest({ files: { temporaryBytes: 4_000, package: undefined } })
  expect(g.on(writable(g), 'write', bytes('x'), 0n)).toBe('insufficient-space')
  g.host.end()
  g.host.reset(preopened)
  g.begin({ files: { temporaryBytes: 8_000, package: packageOf({ other: 'x' }) } })
  expect([g.on(g.opened(1, 'w', ['create'], ['write']), 'write', bytes('x'), 0n), g.read(2, 'other')]).toEqual([
    1n,
    'x',
  ])
})

// Flattened by hand from the WIT of wasi:filesystem 0.2 (CanonicalABI.md, "Flattening"); then the result's size and alignment.
const handleOrCode = [8, 4]
const unit = [2, 1]
const core: Record<string, [params: string, result: number[]]> = {
  'read-via-stream': ['i32 i64', handleOrCode],
  'write-via-stream': ['i32 i64', handleOrCode],
  'append-via-stream': ['i32', handleOrCode],
  advise: ['i32 i64 i64 i32', unit],
  'sync-data': ['i32', unit],
  'get-flags': ['i32', unit],
  'get-type': ['i32', unit],
  'set-size': ['i32 i64', unit],
  'set-times': ['i32 i32 i64 i32 i32 i64 i32', unit],
  read: ['i32 i64 i64', [16, 4]],
  write: ['i32 i32 i32 i64', [16, 8]],
  'read-directory': ['i32', handleOrCode],
  sync: ['i32', unit],
  'create-directory-at': ['i32 i32 i32', unit],
  stat: ['i32', [104, 8]],
  'stat-at': ['i32 i32 i32 i32', [104, 8]],
  'set-times-at': ['i32 i32 i32 i32 i32 i64 i32 i32 i64 i32', unit],
  'link-at': ['i32 i32 i32 i32 i32 i32 i32', unit],
  'open-at': ['i32 i32 i32 i32 i32 i32', handleOrCode],
  'readlink-at': ['i32 i32 i32', [12, 4]],
  'remove-directory-at': ['i32 i32 i32', unit],
  'rename-at': ['i32 i32 i32 i32 i32 i32', unit],
  'symlink-at': ['i32 i32 i32 i32 i32', unit],
  'unlink-file-at': ['i32 i32 i32', unit],
  'is-same-object': ['i32 i32', [1, 1]],
  'metadata-hash': ['i32', [24, 8]],
  'metadata-hash-at': ['i32 i32 i32 i32', [24, 8]],
}

test.each(Object.entries(core))('%s is passed as the canonical ABI has it', (name, [params, result]) => {
  const found = findFunction('wasi:filesystem/types', `[method]descriptor.${name}`)
  expect([found?.params.flat.join(' '), found?.result?.size, found?.result?.align]).toEqual([params, ...result])
})

test('every function of the interface is there, and no other', () => {
  const names = offeredFunctions().flatMap(([iface, name]) => (iface === 'wasi:filesystem/types' ? [name] : []))
  expect(names.toSorted()).toEqual(
    [
      ...Object.keys(core).map((name) => `[method]descriptor.${name}`),
      '[method]directory-entry-stream.read-directory-entry',
      '[resource-drop]descriptor',
      '[resource-drop]directory-entry-stream',
      'filesystem-error-code',
    ].toSorted(),
  )
})
