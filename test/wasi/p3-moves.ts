/** What a guest may call of WASI 0.3 besides HTTP and of Thaw's own interfaces, with values that may get it somewhere. */
import { fitting, openOf } from './async/fuzz-steps.ts'
import type { P3Guest } from './p3-guest.ts'

/** Makes an argument of a random number. */
interface Argument {
  (guest: P3Guest, dice: number): unknown
  /** The type of handle that it is. */
  needs?: string
}

/** Of outgoing-http: a number, not a handle. */
const REQUEST = 'request'

export interface Move {
  readonly iface: string
  readonly func: string
  readonly args: readonly Argument[]
}

/** Now and then one of another type, or none at all. */
function of(type: string): Argument {
  const argument: Argument = (guest, dice) => fitting(guest, type, dice >>> 4, (dice & 15) !== 0)
  argument.needs = type
  return argument
}

const one =
  <T>(...values: readonly T[]): Argument =>
  (_guest, dice) =>
    values[dice % values.length]

const some =
  (...flags: readonly string[]): Argument =>
  (_guest, dice) =>
    new Set(flags.filter((_flag, at) => ((dice >> at) & 1) === 1))

const self = of('descriptor')
const stream = of('readable-stream')
const path = one('a', 'a/b', 'c', 'n', 'a/n', '..', '/etc', 'config.json', 'a/../n/', 'é', '', 'x'.repeat(300))
const follow = some('symlink-follow')
const size = one(0n, 1n, 7n, 5_000n, 90_000n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n)
const bytes = one(new Uint8Array(0), Buffer.from('a'), Buffer.from('hello world'), Buffer.alloc(3_000, 'x'))
const instant = one({ seconds: -1n, nanoseconds: 0 }, { seconds: 2n ** 62n, nanoseconds: 4_000_000_000 })
const time: Argument = (guest, dice) =>
  [{ tag: 'no-change' }, { tag: 'now' }, { tag: 'timestamp', val: instant(guest, dice >> 2) }][dice % 3]
/** Of an outgoing request; now and then one that there is none of. */
const request: Argument = ({ outgoing }, dice) =>
  dice % 16 === 0 ? dice : Math.max(1, outgoing.exchanges.length - ((dice >>> 4) % 3))
request.needs = REQUEST
const url = one('http://example.com/', 'https://example.com:1/a?b', 'ftp://a', 'http://u:p@h', 'no url', '')
const headers = one(
  [],
  [['x-a', '1']],
  [['host', 'b']],
  [['x y', '1']],
  [['content-length', '3']],
  [['a', 'x'.repeat(500)]],
)

/** Of Ed25519, with its public key. */
const seed = Buffer.alloc(32, 7)
const ed25519Point = 'ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c'
const point = one(
  { tag: 'ed25519', val: Buffer.from(ed25519Point, 'hex') },
  { tag: 'ed25519', val: Buffer.alloc(5) },
  { tag: 'p256', val: Buffer.alloc(65, 4) },
  { tag: 'rsa', val: { n: Buffer.alloc(300, 255), e: Buffer.from([1, 0, 1]) } },
)
const secret = one(
  { tag: 'ed25519', val: seed },
  { tag: 'p384', val: { d: Buffer.alloc(48, 1), point: undefined } },
  { tag: 'p256', val: { d: Buffer.alloc(0), point: seed } },
)
const scheme = one({ tag: 'ed25519' }, { tag: 'ecdsa', val: 'sha384' }, { tag: 'rsassa-pkcs1', val: 'sha1' })

function all(iface: string, functions: Readonly<Record<string, readonly Argument[]>>): Move[] {
  return Object.entries(functions).map(([func, args]) => ({ iface, func, args }))
}

function methods(resource: string, names: Readonly<Record<string, readonly Argument[]>>) {
  return Object.fromEntries(
    Object.entries(names).map(([name, args]) => [`[method]${resource}.${name}`, [of(resource), ...args]]),
  )
}

/** Whether there is what it takes. */
export function isApt(guest: P3Guest, { args }: Move): boolean {
  return args.every(({ needs }) => {
    if (needs === undefined) return true
    return needs === REQUEST ? guest.outgoing.exchanges.length > 0 : openOf(guest, needs).length > 0
  })
}

const terminals = ['stdin', 'stdout', 'stderr']
const bothSockets =
  'bind connect get-local-address get-remote-address get-address-family get-receive-buffer-size ' +
  'set-receive-buffer-size get-send-buffer-size set-send-buffer-size send receive'
const tcp =
  `${bothSockets} listen get-is-listening set-listen-backlog-size get-keep-alive-enabled set-keep-alive-enabled ` +
  'get-keep-alive-idle-time set-keep-alive-idle-time get-keep-alive-interval set-keep-alive-interval ' +
  'get-keep-alive-count set-keep-alive-count get-hop-limit set-hop-limit'
const udp = `${bothSockets} disconnect get-unicast-hop-limit set-unicast-hop-limit`

function sockets(resource: string, names: string): Record<string, readonly Argument[]> {
  const table = methods(resource, Object.fromEntries(names.split(' ').map((name) => [name, []])))
  return { ...table, [`[static]${resource}.create`]: [one('ipv4', 'ipv6')] }
}

export const table: readonly Move[] = [
  ...all('wasi:cli/environment@0.3', { 'get-environment': [], 'get-arguments': [], 'get-initial-cwd': [] }),
  ...all('wasi:cli/exit@0.3', {
    exit: [one({ tag: 'ok', val: undefined }, { tag: 'err', val: undefined })],
    'exit-with-code': [one(0, 1, 255)],
  }),
  ...all('wasi:cli/stdin@0.3', { 'read-via-stream': [] }),
  ...all('wasi:cli/stdout@0.3', { 'write-via-stream': [stream] }),
  ...all('wasi:cli/stderr@0.3', { 'write-via-stream': [stream] }),
  ...terminals.flatMap((name) => all(`wasi:cli/terminal-${name}@0.3`, { [`get-terminal-${name}`]: [] })),
  ...all('wasi:clocks/monotonic-clock@0.3', {
    now: [],
    'get-resolution': [],
    'wait-until': [size],
    'wait-for': [one(0n, 1_000_000n, 3_000_000n, 10n ** 15n, 2n ** 64n - 1n)],
  }),
  ...all('wasi:clocks/system-clock@0.3', { now: [], 'get-resolution': [] }),
  ...all('wasi:clocks/timezone@0.3', { 'iana-id': [], 'utc-offset': [instant], 'to-debug-string': [] }),
  ...all('wasi:random/random@0.3', { 'get-random-bytes': [size], 'get-random-u64': [] }),
  ...all('wasi:random/insecure@0.3', { 'get-insecure-random-bytes': [size], 'get-insecure-random-u64': [] }),
  ...all('wasi:random/insecure-seed@0.3', { 'get-insecure-seed': [] }),
  ...all('wasi:filesystem/preopens@0.3', { 'get-directories': [] }),
  ...all(
    'wasi:filesystem/types@0.3',
    methods('descriptor', {
      'read-via-stream': [size],
      'write-via-stream': [stream, size],
      'append-via-stream': [stream],
      advise: [size, size, one('normal', 'no-reuse')],
      'sync-data': [],
      'get-flags': [],
      'get-type': [],
      'set-size': [size],
      'set-times': [time, time],
      'read-directory': [],
      sync: [],
      'create-directory-at': [path],
      stat: [],
      'stat-at': [follow, path],
      'set-times-at': [follow, path, time, time],
      'link-at': [follow, path, self, path],
      'open-at': [follow, path, some('create', 'directory', 'exclusive', 'truncate'), some('read', 'write')],
      'readlink-at': [path],
      'remove-directory-at': [path],
      'rename-at': [path, self, path],
      'symlink-at': [path, path],
      'unlink-file-at': [path],
      'is-same-object': [self],
      'metadata-hash': [],
      'metadata-hash-at': [follow, path],
    }),
  ),
  ...all('wasi:sockets/types@0.3', { ...sockets('tcp-socket', tcp), ...sockets('udp-socket', udp) }),
  ...all('wasi:sockets/ip-name-lookup@0.3', { 'resolve-addresses': [one('localhost', '')] }),
  ...all('thaw:function/response-stream', { start: [one('text/plain', 'a\r\nb: c', '')], write: [bytes] }),
  ...all('thaw:function/crypto', {
    'check-public': [point],
    'derive-public': [secret],
    sign: [secret, scheme, bytes],
    verify: [point, scheme, bytes, bytes],
  }),
  ...all('thaw:function/http-loop', {
    current: [],
    wait: [one(0, 1, 3, 0xffff_ffff)],
    end: [one(undefined, { errorType: 'a', errorMessage: '', trace: ['b', ''] })],
  }),
  ...all('thaw:function/outgoing-http', {
    send: [one('GET', 'POST', 'no method', ''), url, headers, one(true, false)],
    write: [request, bytes],
    finish: [request],
    response: [request],
    read: [request, one(0, 1, 3, 2_000, 0xffff_ffff)],
    close: [request],
    ready: [],
  }),
]
