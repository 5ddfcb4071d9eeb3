/** WASI 0.3 besides HTTP: cli, clocks, random, filesystem, sockets. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { GuestExit, GuestTrap } from '../../src/wasi/errors.ts'
import { offered, offeredInterfaces, refusal } from '../../src/wasi/offered.ts'
import { AsyncGuest, BLOCKED, COMPLETED, copied, DROPPED, events, IN, VALUE } from './async/support.ts'
import { packageOf } from './filesystem.support.ts'
import { RESULT } from './support.ts'

const FILES = 'wasi:filesystem/types@0.3'

test.each([
  ['wasi:cli/stdin', 'read-via-stream'],
  ['wasi:cli/environment', 'get-initial-cwd'],
  ['wasi:clocks/system-clock', 'now'],
  ['wasi:clocks/monotonic-clock', 'wait-until'],
  ['wasi:random/insecure-seed', 'get-insecure-seed'],
  ['wasi:filesystem/types', '[method]descriptor.read-directory'],
  ['wasi:sockets/types', '[resource-drop]tcp-socket'],
])('%s %s is offered in 0.3.0, and in no later version', (iface, func) => {
  expect(offered(iface, '0.3.0', func)).toBe(true)
  expect(refusal(iface, '0.3.1', func)).toContain('0.3.0')
})

test('in 0.3.0 are these interfaces and no others', () => {
  const names = offeredInterfaces().filter((name) => name.endsWith('@0.3'))
  expect(names.map((name) => name.slice('wasi:'.length, -'@0.3'.length)).join(' ')).toBe(
    'cli/environment cli/exit cli/stderr cli/stdin cli/stdout cli/terminal-input cli/terminal-output ' +
      'cli/terminal-stderr cli/terminal-stdin cli/terminal-stdout cli/types clocks/monotonic-clock ' +
      'clocks/system-clock clocks/timezone clocks/types filesystem/preopens filesystem/types http/client ' +
      'http/types random/insecure-seed random/insecure random/random sockets/ip-name-lookup sockets/types',
  )
  expect(refusal('wasi:io/poll', '0.3.0', 'poll')).toContain('wasi:io/poll@0.3.0 is not offered')
})

describe('cli', () => {
  test('the environment, no arguments, the folder', () => {
    const guest = new AsyncGuest({ environment: { A: 'b' } })
    expect(guest.invoke('wasi:cli/environment@0.3', 'get-environment')).toEqual([['A', 'b']])
    expect(guest.invoke('wasi:cli/environment@0.3', 'get-arguments')).toEqual([])
    expect(guest.invoke('wasi:cli/environment@0.3', 'get-initial-cwd')).toBe('/var/task')
  })

  test('exit ends the guest', () => {
    expect(() => new AsyncGuest().invoke('wasi:cli/exit@0.3', 'exit-with-code', 3)).toThrow(GuestExit)
  })

  test('there is no terminal', () => {
    const guest = new AsyncGuest()
    const asked = ['stdin', 'stdout', 'stderr'].map((name) =>
      guest.invoke(`wasi:cli/terminal-${name}@0.3`, `get-terminal-${name}`),
    )
    expect(asked).toEqual([undefined, undefined, undefined])
  })

  test('standard input is at its end', () => {
    const guest = new AsyncGuest()
    const [stream, result] = pairOf(guest, 'wasi:cli/stdin@0.3', 'read-via-stream')
    expect(guest.readFuture('cli-result', result)).toBe(BLOCKED)
    expect(guest.readSome(stream)).toBe(copied(0, DROPPED))
    expect(guest.pollSet(guest.set(result))).toEqual([events.futureRead, result, COMPLETED])
    expect(guest.bytes(VALUE, 1)[0]).toBe(0)
  })

  test.each(['stdout', 'stderr'])('what is written to %s is in the log, and that it ended well is told', (name) => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    const result = guest.number(`wasi:cli/${name}@0.3`, 'write-via-stream', readable)
    expect(guest.writeText(writable, 'hello ')).toBe(copied(6))
    expect(guest.writeText(writable, 'log')).toBe(copied(3))
    expect(guest.log).toBe('hello log')
    expect(guest.readFuture('cli-result', result)).toBe(BLOCKED)
    guest.dropWritable(writable)
    expect(guest.pollSet(guest.set(result))).toEqual([events.futureRead, result, COMPLETED])
    expect(guest.bytes(VALUE, 1)[0]).toBe(0)
  })

  test('a body may go to the log without the guest, which hears of its failure', async () => {
    const guest = new AsyncGuest()
    const { body } = guest.consume('request', guest.host.openRequest())
    const result = guest.number('wasi:cli/stdout@0.3', 'write-via-stream', body)
    const flowing = guest.host.flowing()
    guest.exchange.body.push('logged').fail('aborted')
    await flowing
    expect(guest.log).toBe('logged')
    expect(guest.readFuture('cli-result', result)).toBe(COMPLETED)
    expect([...guest.bytes(VALUE, 2)]).toEqual([1, 0])
  })
})

describe('clocks', () => {
  test("the system's, to the millisecond", () => {
    const guest = new AsyncGuest()
    const before = Date.now()
    const now = guest.result('wasi:clocks/system-clock@0.3', 'now')
    const ms = Number(now.getBigInt64(0, true)) * 1_000 + now.getUint32(8, true) / 1_000_000
    expect(ms).toBeGreaterThanOrEqual(before)
    expect(ms).toBeLessThanOrEqual(Date.now())
    expect(guest.invoke('wasi:clocks/system-clock@0.3', 'get-resolution')).toBe(1_000_000n)
  })

  test('the monotonic one goes on, and is read at capture like any clock', () => {
    const guest = new AsyncGuest()
    const first = guest.invoke('wasi:clocks/monotonic-clock@0.3', 'now')
    expect(Number(guest.invoke('wasi:clocks/monotonic-clock@0.3', 'now'))).toBeGreaterThanOrEqual(Number(first))
    expect(guest.host.captureWarnings().join()).toContain('clock')
  })

  test('the time zone is UTC', () => {
    const guest = new AsyncGuest()
    const zone = 'wasi:clocks/timezone@0.3'
    expect(guest.invoke(zone, 'iana-id')).toBe('UTC')
    expect(guest.invoke(zone, 'utc-offset', { seconds: -5n, nanoseconds: 0 })).toBe(0n)
    expect(guest.invoke(zone, 'to-debug-string')).toBe('UTC')
  })

  test('the longest wait there is can be begun and given up', () => {
    const guest = new AsyncGuest()
    const returned = guest.async('wasi:clocks/monotonic-clock@0.3', 'wait-for', 2n ** 64n - 1n)
    expect(guest.builtin({ name: 'subtask.cancel', waits: false }, returned >>> 4)).toBe(4)
  })
})

describe('random', () => {
  test.each([
    ['wasi:random/random@0.3', 'get-random-bytes'],
    ['wasi:random/insecure@0.3', 'get-insecure-random-bytes'],
  ])('%s gives bytes, no more than one call may', (iface, func) => {
    const guest = new AsyncGuest({ limits: { hostCallBytes: 100 } })
    const take = (most: bigint) => {
      guest.call(iface, func, most, RESULT)
      const [ptr, length] = [guest.view.getUint32(RESULT, true), guest.view.getUint32(RESULT + 4, true)]
      return [length, Buffer.from(guest.bytes(ptr, length)).toString('hex')]
    }
    expect([take(16n)[0], take(2n ** 64n - 1n)[0]]).toEqual([16, 100])
    expect(take(16n)).not.toEqual(take(16n))
  })

  test('numbers and a seed', () => {
    const guest = new AsyncGuest()
    expect(guest.invoke('wasi:random/random@0.3', 'get-random-u64')).toBeTypeOf('bigint')
    const seed = () => guest.invoke('wasi:random/insecure-seed@0.3', 'get-insecure-seed')
    expect(seed()).not.toEqual(seed())
  })
})

describe('filesystem', () => {
  function fileGuest(temporaryBytes = 1_048_576): { guest: AsyncGuest; tmp: number; task: number } {
    const files = { temporaryBytes, package: packageOf({ 'a.txt': 'packaged', 'd/b': '' }) }
    const guest = new AsyncGuest({ files })
    const opened = guest.invoke('wasi:filesystem/preopens@0.3', 'get-directories')
    const found = new Map(Array.isArray(opened) ? opened.map(([handle, name]) => [String(name), Number(handle)]) : [])
    return { guest, tmp: found.get('/tmp') ?? 0, task: found.get('/var/task') ?? 0 }
  }

  const on = (guest: AsyncGuest, method: string, ...values: unknown[]) =>
    guest.invoke(FILES, `[method]descriptor.${method}`, ...values)
  const open = (guest: AsyncGuest, base: number, path: string, how: string[] = [], flags = ['read']) =>
    guest.handle(FILES, '[method]descriptor.open-at', base, new Set(), path, new Set(how), new Set(flags))
  const created = (guest: AsyncGuest, tmp: number) => open(guest, tmp, 'f', ['create'], ['read', 'write'])

  function stream(guest: AsyncGuest, file: number, offset = 0n): [stream: number, result: number] {
    guest.call(FILES, '[method]descriptor.read-via-stream', file, offset, RESULT)
    return [guest.view.getUint32(RESULT, true), guest.view.getUint32(RESULT + 4, true)]
  }

  /** 'ok', or the number of the error's case. */
  function outcome(guest: AsyncGuest, result: number): unknown {
    if (guest.readFuture('file-result', result) !== COMPLETED) return 'pending'
    return guest.bytes(VALUE, 1)[0] === 0 ? 'ok' : guest.bytes(VALUE + 4, 1)[0]
  }

  test('a file is written as a stream and read as one', () => {
    const { guest, tmp } = fileGuest()
    const file = created(guest, tmp)
    const { readable, writable } = guest.streams()
    const written = guest.number(FILES, '[method]descriptor.write-via-stream', file, readable, 2n)
    expect(guest.writeText(writable, 'hello')).toBe(copied(5))
    expect(outcome(guest, written)).toBe('pending')
    guest.builtin({ name: 'future.cancel-read', element: 'file-result', waits: false }, written)
    guest.dropWritable(writable)
    expect(outcome(guest, written)).toBe('ok')
    const [contents, result] = stream(guest, file, 1n)
    expect(guest.readSome(contents, 4)).toBe(copied(4))
    expect(guest.input(4)).toBe('\0hel')
    expect(guest.readSome(contents)).toBe(copied(2))
    expect(guest.readSome(contents)).toBe(copied(0, DROPPED))
    expect(outcome(guest, result)).toBe('ok')
  })

  test('what is appended goes to the end', () => {
    const { guest, tmp } = fileGuest()
    const file = created(guest, tmp)
    for (const text of ['one', 'two']) {
      const { readable, writable } = guest.streams()
      guest.call(FILES, '[method]descriptor.append-via-stream', file, readable)
      guest.writeText(writable, text)
    }
    const [contents] = stream(guest, file)
    expect(guest.readSome(contents)).toBe(copied(6))
    expect(guest.input(6)).toBe('onetwo')
  })

  test('a body goes into a file without the guest', async () => {
    const { guest, tmp } = fileGuest()
    const file = created(guest, tmp)
    const { body } = guest.consume('request', guest.host.openRequest())
    const result = guest.number(FILES, '[method]descriptor.write-via-stream', file, body, 0n)
    guest.exchange.body.push('body').end()
    await guest.host.flowing()
    await setImmediate()
    expect(outcome(guest, result)).toBe('ok')
    expect(on(guest, 'stat', file)).toMatchObject({ val: { size: 4n, type: { tag: 'regular-file' } } })
  })

  test('a file that gets too large tells the writer and the result', () => {
    const { guest, tmp } = fileGuest(8_192)
    const { readable, writable } = guest.streams()
    const result = guest.number(FILES, '[method]descriptor.write-via-stream', created(guest, tmp), readable, 0n)
    expect(guest.builtin({ name: 'stream.write', waits: false }, writable, 0, 20_000)).toBe(copied(0, DROPPED))
    expect(outcome(guest, result)).toBe(22)
  })

  test('what is no file, or not open for it, is said by the result', () => {
    const { guest, tmp, task } = fileGuest()
    const [contents, read] = stream(guest, tmp)
    expect(guest.readSome(contents)).toBe(copied(0, DROPPED))
    expect(outcome(guest, read)).toBe(13)
    const { readable, writable } = guest.streams()
    const file = open(guest, task, 'a.txt')
    const written = guest.number(FILES, '[method]descriptor.append-via-stream', file, readable)
    expect(outcome(guest, written)).toBe(2)
    expect(guest.writeText(writable, 'x')).toBe(copied(0, DROPPED))
  })

  test('a folder is a stream of its entries', () => {
    const { guest, task } = fileGuest()
    const [entries, result] = pairOf(guest, FILES, '[method]descriptor.read-directory', task)
    const read = (length: number) =>
      guest.builtin({ name: 'stream.read', element: 'directory-entry', waits: false }, entries, IN, length)
    expect(read(0)).toBe(copied(0))
    expect(read(1)).toBe(copied(1))
    const entry = (at: number) => [
      guest.view.getUint8(at),
      guest.text(guest.view.getUint32(at + 16, true), guest.view.getUint32(at + 20, true)),
    ]
    const first = entry(IN)
    expect(read(9)).toBe(copied(1, DROPPED))
    expect([first, entry(IN)].toSorted()).toEqual([
      [2, 'd'],
      [5, 'a.txt'],
    ])
    expect(outcome(guest, result)).toBe('ok')
    guest.builtin({ name: 'stream.drop-readable', element: 'directory-entry' }, entries)
  })

  test('a stream of entries cannot be used for bytes', () => {
    const { guest, task } = fileGuest()
    const [entries] = pairOf(guest, FILES, '[method]descriptor.read-directory', task)
    expect(() => guest.call('wasi:cli/stdout@0.3', 'write-via-stream', entries)).toThrow('used as a stream<u8>')
  })

  test('what is no folder has no entries, and says so', () => {
    const { guest, task } = fileGuest()
    const file = open(guest, task, 'a.txt')
    const [entries, result] = pairOf(guest, FILES, '[method]descriptor.read-directory', file)
    expect(guest.builtin({ name: 'stream.read', waits: false }, entries, IN, 1)).toBe(copied(0, DROPPED))
    expect(outcome(guest, result)).toBe(23)
  })

  test('methods answer with the types of 0.3', () => {
    const { guest, tmp, task } = fileGuest()
    const ok = { tag: 'ok', val: undefined }
    expect(on(guest, 'create-directory-at', tmp, 'd')).toEqual(ok)
    expect(on(guest, 'create-directory-at', tmp, 'd')).toEqual({ tag: 'err', val: { tag: 'exist' } })
    expect(on(guest, 'get-type', tmp)).toEqual({ tag: 'ok', val: { tag: 'directory' } })
    expect(on(guest, 'stat-at', task, new Set(), 'a.txt')).toMatchObject({
      val: { type: { tag: 'regular-file' }, size: 8n },
    })
    expect(on(guest, 'get-flags', task)).toEqual({ tag: 'ok', val: new Set(['read']) })
    expect(on(guest, 'symlink-at', tmp, 'd', 'l')).toEqual(ok)
    expect(on(guest, 'readlink-at', tmp, 'l')).toEqual({ tag: 'ok', val: 'd' })
    expect(on(guest, 'rename-at', tmp, 'd', tmp, 'e')).toEqual(ok)
    expect(on(guest, 'remove-directory-at', tmp, 'e')).toEqual(ok)
    expect(on(guest, 'unlink-file-at', tmp, 'l')).toEqual(ok)
    expect(on(guest, 'link-at', task, new Set(), 'a.txt', tmp, 'b')).toEqual({
      tag: 'err',
      val: { tag: 'cross-device' },
    })
    expect(on(guest, 'is-same-object', tmp, task)).toBe(false)
    expect(on(guest, 'sync', tmp)).toEqual(ok)
    expect(on(guest, 'metadata-hash', tmp)).toMatchObject({ tag: 'ok' })
    expect(on(guest, 'metadata-hash-at', tmp, new Set(), 'none')).toEqual({ tag: 'err', val: { tag: 'no-entry' } })
  })

  test('times before 1970', () => {
    const { guest, tmp } = fileGuest()
    const file = created(guest, tmp)
    const time = { tag: 'timestamp', val: { seconds: -5n, nanoseconds: 7 } }
    expect(on(guest, 'set-times', file, time, { tag: 'no-change' })).toEqual({ tag: 'ok', val: undefined })
    expect(on(guest, 'stat', file)).toMatchObject({ val: { accessed: { seconds: -5n, nanoseconds: 7 } } })
  })

  test('lowered asynchronously they answer at once', () => {
    const { guest, tmp } = fileGuest()
    expect(guest.async(FILES, '[method]descriptor.stat', tmp, VALUE)).toBe(2)
    expect([guest.bytes(VALUE, 1)[0], guest.bytes(VALUE + 8, 1)[0]]).toEqual([0, 2])
  })

  test('files that streams had open are closed with the invocation', () => {
    const { guest, tmp } = fileGuest()
    const file = created(guest, tmp)
    const { readable, writable } = guest.streams()
    guest.call(FILES, '[method]descriptor.write-via-stream', file, readable, 0n)
    guest.writeText(writable, 'x')
    stream(guest, file)
    guest.host.end()
    expect([guest.host.heldBytes, guest.host.openHandles]).toEqual([0, 0])
  })
})

describe('sockets', () => {
  test.each(['tcp-socket', 'udp-socket'])('no %s is granted', (type) => {
    const guest = new AsyncGuest()
    expect(guest.invoke('wasi:sockets/types@0.3', `[static]${type}.create`, 'ipv4')).toEqual({
      tag: 'err',
      val: { tag: 'access-denied' },
    })
    expect(() => guest.call('wasi:sockets/types@0.3', `[method]${type}.get-address-family`, 1)).toThrow(GuestTrap)
  })

  test('no name is resolved', () => {
    const guest = new AsyncGuest()
    const { ptr, length } = guest.place('example.com')
    expect(guest.async('wasi:sockets/ip-name-lookup@0.3', 'resolve-addresses', ptr, length, VALUE)).toBe(2)
    expect([guest.bytes(VALUE, 1)[0], guest.bytes(VALUE + 4, 1)[0]]).toEqual([1, 0])
  })
})

describe('a snapshot', () => {
  test.each([
    ['readable-stream', (guest: AsyncGuest): void => void guest.streams()],
    ['waitable-set', (guest: AsyncGuest): void => void guest.set()],
    [
      'subtask',
      (guest: AsyncGuest): void => void guest.async('wasi:clocks/monotonic-clock@0.3', 'wait-for', 2n ** 40n),
    ],
    ['request', (guest: AsyncGuest): void => void guest.host.openRequest()],
    ['readable-future', (guest: AsyncGuest): void => void guest.futures('http-result')],
  ] as const)('cannot hold a %s, and names it', (type, make) => {
    const guest = new AsyncGuest()
    make(guest)
    expect(() => guest.host.snapshotHandles()).toThrow(type)
    guest.host.end()
  })

  test('holds the folders that are open from the begin', () => {
    const guest = new AsyncGuest()
    guest.invoke('wasi:filesystem/preopens@0.3', 'get-directories')
    expect(guest.host.snapshotHandles().map(({ kind }) => kind)).toEqual(['descriptor:/tmp', 'descriptor:/var/task'])
  })
})

/** Of a function that answers with a stream and a future. */
function pairOf(guest: AsyncGuest, iface: string, func: string, ...self: number[]): [stream: number, future: number] {
  guest.call(iface, func, ...self, RESULT)
  return [guest.view.getUint32(RESULT, true), guest.view.getUint32(RESULT + 4, true)]
}
