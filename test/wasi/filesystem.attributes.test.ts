/** wasi:filesystem by its WIT: what files are, besides contents. */
import { describe, expect, test } from 'vitest'
import { FileGuest, at, bytes, f, links, noChange, now, rows, writable } from './filesystem.support.ts'

const timesOf = (stat: unknown) => {
  if (typeof stat !== 'object' || stat === null || !('accessed' in stat) || !('modified' in stat)) return stat
  return [stat.accessed, stat.modified]
}

rows('stat, get-type, get-flags', [
  ['a file', f((g) => g.kind(g.tmp, 'file')), 'regular-file 11'],
  ['a folder', f((g) => g.kind(g.tmp, 'dir')), 'directory 0'],
  ['the folder itself', (g) => g.kind(g.tmp, '.'), 'directory 0'],
  ['a link, followed', f((g) => g.kind(g.tmp, 'to-file')), 'regular-file 6'],
  ['a link', f((g) => g.kind(g.tmp, 'to-file', false)), 'symbolic-link 8'],
  ['a link with a slash is followed', f((g) => g.kind(g.tmp, 'to-dir/', false)), 'directory 0'],
  ['a link that leads nowhere', f((g) => g.stat(g.tmp, 'to-nothing')), 'no-entry'],
  ['nothing', (g) => g.stat(g.tmp, 'none'), 'no-entry'],
  [
    'a descriptor',
    f((g) => g.on(g.opened(g.tmp, 'file'), 'stat')),
    expect.objectContaining({ type: 'regular-file', size: 11n, linkCount: 1n }),
  ],
  ['a preopened folder', (g) => g.on(g.task, 'stat'), expect.objectContaining({ type: 'directory', linkCount: 1n })],
  [
    'a file of the package has no times',
    (g) => g.stat(g.task, 'config.json'),
    { type: 'regular-file', size: 16n, linkCount: 1n, accessed: undefined, modified: undefined, changed: undefined },
  ],
  ['the type of a file', f((g) => g.on(g.opened(g.tmp, 'file'), 'get-type')), 'regular-file'],
  ['the type of a preopened folder', (g) => g.on(g.tmp, 'get-type'), 'directory'],
  ['the flags of /tmp', (g) => g.on(g.tmp, 'get-flags'), new Set(['read', 'mutate-directory'])],
  ['the flags of the package', (g) => g.on(g.task, 'get-flags'), new Set(['read'])],
  [
    'the flags of a file',
    (g) => g.on(g.opened(g.tmp, 'x', ['create'], ['read', 'write', 'data-integrity-sync']), 'get-flags'),
    new Set(['read', 'write', 'data-integrity-sync']),
  ],
  [
    'a folder may be changed as that which has it',
    f((g) => g.on(g.opened(g.tmp, 'dir'), 'get-flags')),
    new Set(['read', 'mutate-directory']),
  ],
  [
    'a file is no folder to change',
    f((g) => g.on(g.opened(g.tmp, 'file', [], ['read', 'mutate-directory']), 'get-flags')),
    new Set(['read']),
  ],
])

rows('times', [
  [
    'of a descriptor',
    (g) => {
      const file = writable(g)
      return [g.on(file, 'set-times', at(5n, 6), at(7n)), timesOf(g.on(file, 'stat'))]
    },
    [
      undefined,
      [
        { seconds: 5n, nanoseconds: 6 },
        { seconds: 7n, nanoseconds: 0 },
      ],
    ],
  ],
  [
    'no change',
    f((g) => [
      setTimes(g, 'file', at(1n), at(2n)),
      setTimes(g, 'file', noChange, at(3n)),
      timesOf(g.stat(g.tmp, 'file')),
    ]),
    [
      undefined,
      undefined,
      [
        { seconds: 1n, nanoseconds: 0 },
        { seconds: 3n, nanoseconds: 0 },
      ],
    ],
  ],
  [
    'now',
    f((g) => [setTimes(g, 'file', at(1n), at(1n)), setTimes(g, 'file', now, now), isRecent(g.stat(g.tmp, 'file'))]),
    [undefined, undefined, true],
  ],
  [
    'of a link, not followed',
    f((g) => [
      g.on(g.tmp, 'set-times-at', links(false), 'to-file', at(9n), at(9n)),
      timesOf(g.stat(g.tmp, 'to-file', false)),
    ]),
    [
      undefined,
      [
        { seconds: 9n, nanoseconds: 0 },
        { seconds: 9n, nanoseconds: 0 },
      ],
    ],
  ],
  [
    'of a folder',
    f((g) => [g.on(g.opened(g.tmp, 'dir'), 'set-times', at(1n), at(2n)), timesOf(g.stat(g.tmp, 'dir'))]),
    [
      undefined,
      [
        { seconds: 1n, nanoseconds: 0 },
        { seconds: 2n, nanoseconds: 0 },
      ],
    ],
  ],
  ['a second has 10^9 nanoseconds', f((g) => setTimes(g, 'file', at(1n, 1_000_000_000), noChange)), 'invalid'],
  ['of nothing', (g) => setTimes(g, 'none', now, now), 'no-entry'],
  ['in the package', (g) => g.on(g.task, 'set-times-at', links(true), 'config.json', now, now), 'read-only'],
  ['of a file of the package', (g) => g.on(g.opened(g.task, 'config.json'), 'set-times', now, now), 'read-only'],
  [
    'writing is a modification',
    (g) => {
      const file = writable(g)
      g.on(file, 'set-times', at(1n), at(1n))
      g.on(file, 'write', bytes('x'), 0n)
      return isRecent(g.on(file, 'stat'))
    },
    true,
  ],
  [
    'a new entry is a modification of its folder',
    f((g) => [setTimes(g, 'dir', at(1n), at(1n)), g.put('dir/new'), isRecent(g.stat(g.tmp, 'dir'))]),
    [undefined, undefined, true],
  ],
])

function setTimes(g: FileGuest, path: string, accessed: unknown, modified: unknown): unknown {
  return g.on(g.tmp, 'set-times-at', links(true), path, accessed, modified)
}

/** Whether it was modified a moment ago. */
function isRecent(stat: unknown): boolean {
  const times = timesOf(stat)
  const seconds = Array.isArray(times) ? Number(times[1].seconds) : 0
  return Math.abs(Date.now() / 1_000 - seconds) < 60
}

const hashAt = (g: FileGuest, path: string, base = g.tmp) => g.on(base, 'metadata-hash-at', links(true), path)

rows('is-same-object and metadata-hash', [
  ['opened twice', f((g) => g.on(g.opened(g.tmp, 'file'), 'is-same-object', g.opened(g.tmp, './file'))), true],
  ['two files', f((g) => g.on(g.opened(g.tmp, 'file'), 'is-same-object', g.opened(g.tmp, 'dir/file'))), false],
  [
    'two names of one',
    f((g) => [hard(g, 'file', 'o'), g.on(g.opened(g.tmp, 'file'), 'is-same-object', g.opened(g.tmp, 'o'))]),
    [undefined, true],
  ],
  ['the folder and itself', (g) => g.on(g.tmp, 'is-same-object', g.opened(g.tmp, '.')), true],
  ['the two preopened folders', (g) => g.on(g.tmp, 'is-same-object', g.task), false],
  [
    'the hash is the same by path and by descriptor',
    f((g) => g.on(g.opened(g.tmp, 'file'), 'metadata-hash')),
    expect.objectContaining({ lower: expect.any(BigInt) }),
  ],
  [
    'the hash of a file stays',
    f((g) => equal(hashAt(g, 'file'), g.on(g.opened(g.tmp, 'file'), 'metadata-hash'))),
    true,
  ],
  ['the hash of another file', f((g) => equal(hashAt(g, 'file'), hashAt(g, 'dir/file'))), false],
  [
    'the hash of a file that was changed',
    f((g) => {
      const before = hashAt(g, 'file')
      g.put('file', 'more than there was before')
      return equal(before, hashAt(g, 'file'))
    }),
    false,
  ],
  ['the hash of the two roots', (g) => equal(hashAt(g, '.'), hashAt(g, '.', g.task)), false],
  ['the hash of nothing', (g) => hashAt(g, 'none'), 'no-entry'],
])

const hard = (g: FileGuest, from: string, to: string, follow = false) =>
  g.on(g.tmp, 'link-at', links(follow), from, g.tmp, to)

function equal(a: unknown, b: unknown): boolean {
  return text(a) === text(b)
}

function text(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
}

rows('what there is nothing to do for', [
  ['sync', f((g) => g.on(g.opened(g.tmp, 'file'), 'sync')), undefined],
  ['sync-data', f((g) => g.on(g.opened(g.tmp, 'file'), 'sync-data')), undefined],
  ['sync of a folder', (g) => g.on(g.tmp, 'sync'), undefined],
  ['advise', f((g) => g.on(g.opened(g.tmp, 'file'), 'advise', 0n, 2n ** 64n - 1n, 'random')), undefined],
])

describe('the folders that are open from the begin', () => {
  test('are these two, and every call opens them anew', () => {
    const g = new FileGuest()
    const [tmp, task] = g.preopens()
    expect(new Set([g.tmp, g.task, tmp, task]).size).toBe(4)
    g.put('x', 'through the other')
    expect(g.read(tmp, 'x')).toBe('through the other')
    expect(g.invoke('wasi:filesystem/preopens', 'get-directories')).toEqual([
      [expect.any(Number), '/tmp'],
      [expect.any(Number), '/var/task'],
    ])
  })

  test('a working directory is named, as Lambda has it', () => {
    expect(new FileGuest().invoke('wasi:cli/environment', 'initial-cwd')).toBe('/var/task')
  })
})
