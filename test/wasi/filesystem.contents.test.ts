/** wasi:filesystem by its WIT: reading and writing, at an offset and as streams. */
import { describe, expect, test } from 'vitest'
import { FileGuest, bytes, f, rows, writable } from './filesystem.support.ts'

rows('read', [
  ['a whole file', f((g) => g.on(g.opened(g.tmp, 'file'), 'read', 100n, 0n)), [bytes('hello world'), true]],
  ['a part of it', f((g) => g.on(g.opened(g.tmp, 'file'), 'read', 4n, 1n)), [bytes('ello'), false]],
  ['up to its end', f((g) => g.on(g.opened(g.tmp, 'file'), 'read', 5n, 6n)), [bytes('world'), true]],
  ['at its end', f((g) => g.on(g.opened(g.tmp, 'file'), 'read', 5n, 11n)), [bytes(''), true]],
  ['far past its end', f((g) => g.on(g.opened(g.tmp, 'file'), 'read', 5n, 2n ** 64n - 1n)), [bytes(''), true]],
  ['nothing', f((g) => g.on(g.opened(g.tmp, 'file'), 'read', 0n, 0n)), [bytes(''), false]],
  [
    'no more than one call may hand over',
    (g) => {
      const file = g.opened(g.tmp, 'big', ['create'], ['read', 'write'])
      g.on(file, 'set-size', 300_000n)
      const answer = g.on(file, 'read', 2n ** 64n - 1n, 0n)
      return Array.isArray(answer) ? [answer[0].length, answer[1]] : answer
    },
    [100_000, false],
  ],
  ['a folder', f((g) => g.on(g.opened(g.tmp, 'dir'), 'read', 1n, 0n)), 'is-directory'],
  [
    'a file opened to be written',
    f((g) => g.on(g.opened(g.tmp, 'file', [], ['write']), 'read', 1n, 0n)),
    'bad-descriptor',
  ],
  [
    'a part of a file of the package',
    (g) => g.on(g.opened(g.task, 'data/words.txt'), 'read', 3n, 4n),
    [bytes('two'), false],
  ],
  [
    'an empty file of the package',
    (g) => g.on(g.opened(g.task, 'data/deep/er/empty'), 'read', 3n, 0n),
    [bytes(''), true],
  ],
])

rows('write and set-size', [
  ['says how much', (g) => g.on(writable(g), 'write', bytes('abc'), 0n), 3n],
  ['over what is there', (g) => [...written(g, ['hello', 0n], ['J', 0n])], [5n, 1n, 'Jello']],
  ['past the end, with zeroes between', (g) => [...written(g, ['ab', 0n], ['c', 4n])], [2n, 1n, 'ab\0\0c']],
  ['nothing, past the end', (g) => [...written(g, ['ab', 0n], ['', 9n])], [2n, 0n, 'ab']],
  ['as much as one call may take', (g) => g.on(writable(g), 'write', new Uint8Array(100_001), 0n), 100_000n],
  ['at an impossible place', (g) => g.on(writable(g), 'write', bytes('a'), 2n ** 64n - 1n), 'file-too-large'],
  ['beyond the storage', (g) => g.on(writable(g), 'write', bytes('a'), 2_000_000n), 'insufficient-space'],
  ['to a file opened to be read', f((g) => g.on(g.opened(g.tmp, 'file'), 'write', bytes('a'), 0n)), 'bad-descriptor'],
  ['to a folder', f((g) => g.on(g.opened(g.tmp, 'dir'), 'write', bytes('a'), 0n)), 'is-directory'],
  ['to a file of the package', (g) => g.on(g.opened(g.task, 'config.json'), 'write', bytes('a'), 0n), 'bad-descriptor'],
  ['a smaller size', (g) => sized(g, 'hello', 2n), [undefined, 'he']],
  ['a larger size', (g) => sized(g, 'he', 4n), [undefined, 'he\0\0']],
  ['size zero', (g) => sized(g, 'hello', 0n), [undefined, '']],
  [
    'smaller and larger again',
    (g) => {
      const file = writable(g)
      g.on(file, 'write', bytes('secret'), 0n)
      g.on(file, 'set-size', 1n)
      g.on(file, 'set-size', 4n)
      return g.contents(file)
    },
    's\0\0\0',
  ],
  ['a size beyond the storage', (g) => sized(g, 'he', 1_048_577n), ['insufficient-space', 'he']],
  ['an impossible size', (g) => sized(g, 'he', 2n ** 63n), ['file-too-large', 'he']],
  ['the size of a file opened to be read', f((g) => g.on(g.opened(g.tmp, 'file'), 'set-size', 0n)), 'bad-descriptor'],
  ['the size of a folder', f((g) => g.on(g.opened(g.tmp, 'dir'), 'set-size', 0n)), 'is-directory'],
])

function* written(g: FileGuest, ...pieces: [string, bigint][]): Generator<unknown> {
  const file = writable(g)
  for (const [text, offset] of pieces) yield g.on(file, 'write', bytes(text), offset)
  yield g.contents(file)
}

function sized(g: FileGuest, text: string, size: bigint): unknown[] {
  const file = writable(g)
  g.on(file, 'write', bytes(text), 0n)
  return [g.on(file, 'set-size', size), g.contents(file)]
}

rows('streams', [
  [
    'read from an offset to the end',
    f((g) => {
      const stream = Number(g.on(g.opened(g.tmp, 'file'), 'read-via-stream', 6n))
      return [g.pull(stream, 3n), g.pull(stream), g.pull(stream), g.pull(stream)]
    }),
    ['wor', 'ld', 'closed', 'closed'],
  ],
  [
    'read past the end',
    f((g) => g.pull(Number(g.on(g.opened(g.tmp, 'file'), 'read-via-stream', 2n ** 64n - 1n)))),
    'closed',
  ],
  [
    'two at a time do not interfere',
    f((g) => {
      const file = g.opened(g.tmp, 'file')
      const [a, b] = [Number(g.on(file, 'read-via-stream', 0n)), Number(g.on(file, 'read-via-stream', 6n))]
      return [g.pull(a, 2n), g.pull(b, 2n), g.pull(a, 3n), g.pull(b)]
    }),
    ['he', 'wo', 'llo', 'rld'],
  ],
  [
    'read a file of the package',
    (g) => g.pull(Number(g.on(g.opened(g.task, 'data/words.txt'), 'read-via-stream', 4n))),
    'two three',
  ],
  ['read a folder', f((g) => g.on(g.opened(g.tmp, 'dir'), 'read-via-stream', 0n)), 'is-directory'],
  [
    'read what was opened to be written',
    (g) => g.on(g.opened(g.tmp, 'x', ['create'], ['write']), 'read-via-stream', 0n),
    'bad-descriptor',
  ],
  [
    'write from an offset',
    (g) => {
      const file = writable(g)
      const stream = Number(g.on(file, 'write-via-stream', 2n))
      return [g.push(stream, 'ab'), g.push(stream, 'c'), g.contents(file)]
    },
    ['ok', 'ok', '\0\0abc'],
  ],
  [
    'append, wherever the end is by then',
    (g) => {
      const file = writable(g)
      const stream = Number(g.on(file, 'append-via-stream'))
      return [g.push(stream, 'a'), g.on(file, 'write', bytes('bb'), 1n), g.push(stream, 'c'), g.contents(file)]
    },
    ['ok', 2n, 'ok', 'abbc'],
  ],
  [
    'write to what was opened to be read',
    f((g) => g.on(g.opened(g.tmp, 'file'), 'write-via-stream', 0n)),
    'bad-descriptor',
  ],
  [
    'append to what was opened to be read',
    f((g) => g.on(g.opened(g.tmp, 'file'), 'append-via-stream')),
    'bad-descriptor',
  ],
  ['write to a folder', f((g) => g.on(g.opened(g.tmp, 'dir'), 'write-via-stream', 0n)), 'is-directory'],
  [
    'a stream outlives its descriptor',
    f((g) => {
      const file = g.opened(g.tmp, 'file')
      const stream = Number(g.on(file, 'read-via-stream', 0n))
      g.close(file)
      g.on(g.tmp, 'unlink-file-at', 'file')
      return g.pull(stream)
    }),
    'hello world',
  ],
])

describe('a stream that fails', () => {
  test('tells the file’s error code, and is closed from then on', () => {
    const g = new FileGuest()
    const stream = Number(g.on(writable(g), 'write-via-stream', 2_000_000n))
    const failed = g.invoke('wasi:io/streams', '[method]output-stream.blocking-write-and-flush', stream, bytes('x'))
    expect(failed).toMatchObject({ tag: 'err', val: { tag: 'last-operation-failed' } })
    const { val } = JSON.parse(JSON.stringify(failed)).val
    expect(g.invoke('wasi:filesystem/types', 'filesystem-error-code', val)).toBe('insufficient-space')
    expect(g.invoke('wasi:io/error', '[method]error.to-debug-string', val)).toContain('insufficient-space')
    expect(g.push(stream, 'x')).toBe('closed')
  })
})
