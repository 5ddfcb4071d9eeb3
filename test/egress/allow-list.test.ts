import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAddress } from '../../src/egress/addresses.ts'
import { describeRule, parseAllowList } from '../../src/egress/allow-list.ts'
import { judge, judgeAddress } from '../../src/egress/destination.ts'
import { parseHost } from '../../src/egress/host.ts'
import { ThawError } from '../../src/errors.ts'

function canonical(entry: string): string[] {
  const { http, sockets } = parseAllowList([entry])
  return [...http, ...sockets].map(describeRule)
}

test.for([
  ['Example.COM', 'example.com'],
  ['example.com.', 'example.com'],
  ['HTTPS://Example.com:443', 'https://example.com'],
  ['http://example.com:80', 'http://example.com'],
  ['https://example.com:80', 'https://example.com:80'],
  ['example.com:443', 'example.com:443'],
  ['example.com:*', 'example.com:*'],
  ['*.Example.com', '*.example.com'],
  ['*', '*'],
  ['https://*:*', 'https://*:*'],
  ['faß.de', 'xn--fa-hia.de'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['my_service.internal:8080', 'my_service.internal:8080'],
  ['0x7f.1', '127.0.0.1'],
  ['017700000001', '127.0.0.1'],
  ['2130706433', '127.0.0.1'],
  ['127.1:80', '127.0.0.1:80'],
  ['127。0。0。1', '127.0.0.1'],
  ['[::1]:8080', '[::1]:8080'],
  ['[0:0:0:0:0:0:0:1]', '[::1]'],
  ['[::ffff:10.0.0.1]', '10.0.0.1'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.0.0.0/8:8080', '10.0.0.0/8:8080'],
  ['http://10.0.0.0/8:*', 'http://10.0.0.0/8:*'],
  ['10.0.0.1/32', '10.0.0.1'],
  ['fd00::/8', '[fd00::]/8'],
  ['[fd00::]/8:443', '[fd00::]/8:443'],
  ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['tcp://db.internal:5432', 'tcp://db.internal:5432'],
  ['tcp://10.0.0.0/8:*', 'tcp://10.0.0.0/8:*'],
] as const)('%s is %s', ([entry, expected]) => {
  expect(canonical(entry)).toEqual([expected])
})

test.for([
  ['', 'neither a name'],
  [' example.com', 'neither a name'],
  ['example.com\n', 'neither a name'],
  ['exa\tmple.com', 'neither a name'],
  ['a%2eb', 'neither a name'],
  ['user@example.com', 'neither a name'],
  ['a..b', 'neither a name'],
  ['-a.com', 'neither a name'],
  ['exa*mple.com', 'neither a name'],
  ['*.*.com', 'neither a name'],
  ['*.', 'neither a name'],
  ['*.1.2.3', 'before a name only'],
  ['*.[::1]', 'brackets'],
  ['256.1.1.1', 'neither a name'],
  ['[fe80::1%eth0]', 'neither a name'],
  [`${'a'.repeat(64)}.com`, 'neither a name'],
  ['::1', 'brackets'],
  ['ftp://example.com', 'scheme'],
  ['https://example.com/', 'path'],
  ['https://example.com/api', 'path'],
  ['example.com/8', 'before /'],
  ['10.0.0.1/8', '10.0.0.0/8'],
  ['10.0.0.0/33', 'prefix'],
  ['[fd00::/8', 'before /'],
  ['0x7f.0.0.0/8', 'before /'],
  ['example.com:0', 'port'],
  ['example.com:65536', 'port'],
  ['example.com:', 'port'],
  ['example.com:080', 'port'],
  ['example.com:https', 'port'],
  ['tcp://db.internal', 'tcp has no default port'],
  ['a'.repeat(256), 'egressRuleBytes'],
] as const)('%j is refused: %s', ([entry, why]) => {
  const error = thrown(() => parseAllowList(['ok.example', entry]))
  expect(error.code).toBe('InvalidParameterValue')
  expect(error.message).toContain(why)
  expect(error.message).toContain(JSON.stringify(entry.length > 80 ? `${entry.slice(0, 80)}…` : entry))
})

test('a list has at most a hundred entries', () => {
  const entries = Array.from({ length: 101 }, (_, at) => `h${at}.example`)
  expect(parseAllowList(entries.slice(1)).http).toHaveLength(100)
  expect(thrown(() => parseAllowList(entries)).message).toContain('at most 100 are allowed (egressRules)')
})

test('sockets are apart, and what is said twice is there once', () => {
  const { http, sockets } = parseAllowList(['a.example', 'A.example.', 'tcp://a.example:1', 'https://a.example'])
  expect(http.map(describeRule)).toEqual(['a.example', 'https://a.example'])
  expect(sockets.map(describeRule)).toEqual(['tcp://a.example:1'])
})

describe('any string', () => {
  const entry = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .tuple(
        fc.constantFrom('', '', 'http://', 'https://', 'tcp://', 'ftp://'),
        fc.oneof(
          fc.domain(),
          fc.ipV4Extended(),
          fc.ipV6().map((address) => `[${address}]`),
          fc.ipV6(),
          fc.domain().map((name) => `*.${name}`),
          fc.string({ unit: 'grapheme', maxLength: 20 }),
          fc.constantFrom('*', '**', '[]', '0', '[::]', '[::ffff:1.2.3.4]'),
        ),
        fc.oneof(
          fc.constant(''),
          fc.constant(''),
          fc.nat(130).map((bits) => `/${bits}`),
        ),
        fc.oneof(
          fc.constantFrom('', ':*', ':'),
          fc.nat(70_000).map((port) => `:${port}`),
        ),
      )
      .map((parts) => parts.join('')),
  )

  test('is parsed to a fixpoint or refused with ThawError', () => {
    let parsed = 0
    fc.assert(
      fc.property(entry, (text) => {
        const once = orThawError(() => canonical(text))
        if (once === undefined) return
        parsed += 1
        expect(once).toHaveLength(1)
        expect(once.flatMap(canonical)).toEqual(once)
      }),
      { numRuns: 2_000 },
    )
    expect(parsed).toBeGreaterThan(200)
  })
})

/** Rules, the request's scheme, host and port, and what becomes of it. */
const matrix: [rules: string[], url: string, verdict: string][] = [
  // Nothing by default.
  [[], 'https://example.com:443', 'not-listed'],
  [[], 'http://127.0.0.1:80', 'not-listed'],
  [[], 'http://8.8.8.8:80', 'not-listed'],
  // Scheme and port.
  [['example.com'], 'https://example.com:443', 'allowed'],
  [['example.com'], 'http://example.com:80', 'allowed'],
  [['example.com'], 'https://example.com:80', 'not-listed'],
  [['example.com'], 'http://example.com:443', 'not-listed'],
  [['example.com'], 'https://example.com:8443', 'not-listed'],
  [['https://example.com'], 'https://example.com:443', 'allowed'],
  [['https://example.com'], 'http://example.com:80', 'not-listed'],
  [['https://example.com'], 'http://example.com:443', 'not-listed'],
  [['http://example.com'], 'https://example.com:443', 'not-listed'],
  [['http://example.com'], 'http://example.com:80', 'allowed'],
  [['example.com:8080'], 'http://example.com:8080', 'allowed'],
  [['example.com:8080'], 'https://example.com:8080', 'allowed'],
  [['example.com:8080'], 'http://example.com:80', 'not-listed'],
  [['https://example.com:8080'], 'http://example.com:8080', 'not-listed'],
  [['example.com:*'], 'http://example.com:1', 'allowed'],
  [['example.com:*'], 'https://example.com:65535', 'allowed'],
  [['http://example.com:*'], 'https://example.com:443', 'not-listed'],
  [['example.com:80', 'example.com:443'], 'http://example.com:443', 'allowed'],
  // Names.
  [['example.com'], 'https://EXAMPLE.com:443', 'allowed'],
  [['example.com'], 'https://example.com.:443', 'allowed'],
  [['example.com'], 'https://api.example.com:443', 'not-listed'],
  [['example.com'], 'https://badexample.com:443', 'not-listed'],
  [['example.com'], 'https://example.com.evil.org:443', 'not-listed'],
  [['example.com'], 'https://example.co:443', 'not-listed'],
  [['faß.de'], 'https://xn--fa-hia.de:443', 'allowed'],
  [['xn--fa-hia.de'], 'https://faß.de:443', 'allowed'],
  [['fass.de'], 'https://faß.de:443', 'not-listed'],
  [['*.example.com'], 'https://api.example.com:443', 'allowed'],
  [['*.example.com'], 'https://a.b.example.com:443', 'allowed'],
  [['*.example.com'], 'https://API.EXAMPLE.COM.:443', 'allowed'],
  [['*.example.com'], 'https://example.com:443', 'not-listed'],
  [['*.example.com'], 'https://badexample.com:443', 'not-listed'],
  [['*.example.com'], 'https://api.example.com.evil.org:443', 'not-listed'],
  [['*.com'], 'https://1.2.3.4:443', 'not-listed'],
  [['*'], 'https://anything.example:443', 'allowed'],
  [['*'], 'https://anything.example:8443', 'not-listed'],
  [['*:*'], 'https://anything.example:8443', 'allowed'],
  [['https://*'], 'http://anything.example:80', 'not-listed'],
  [['1.2.3.4'], 'https://example.com:443', 'not-listed'],
  [['0.0.0.0/0'], 'https://example.com:443', 'not-listed'],
  [['localhost'], 'http://localhost:80', 'allowed'],
  [['localhost:3000'], 'http://localhost:3000', 'allowed'],
  [['localhost:3000'], 'http://localhost:3001', 'not-listed'],
  [['localhost'], 'http://127.0.0.1:80', 'not-listed'],
  [['localhost'], 'http://[::1]:80', 'not-listed'],
  [['127.0.0.1'], 'http://localhost:80', 'not-listed'],
  [['tcp://example.com:443'], 'https://example.com:443', 'not-listed'],
  // Public addresses.
  [['*'], 'http://8.8.8.8:80', 'allowed'],
  [['8.8.8.8'], 'http://8.8.8.8:80', 'allowed'],
  [['8.8.8.8'], 'http://8.8.4.4:80', 'not-listed'],
  [['8.8.8.0/24'], 'http://8.8.8.8:80', 'allowed'],
  [['8.8.8.0/24'], 'http://8.8.9.8:80', 'not-listed'],
  [['8.8.8.8:53'], 'http://8.8.8.8:80', 'not-listed'],
  [['*'], 'http://[2606:4700::1]:80', 'allowed'],
  [['2606:4700::/32'], 'http://[2606:4700:0:0::1]:80', 'allowed'],
  [['2606:4700::/32'], 'http://[2606:4701::1]:80', 'not-listed'],
  [['[2606:4700::1]:8080'], 'http://[2606:4700::1]:8080', 'allowed'],
  // What is not public is refused under a star.
  ...[
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.0.1',
    '169.254.169.254',
    '169.254.170.2',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.9',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    '168.63.129.16',
    '[::]',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:a9fe:a9fe]',
    '[::ffff:10.1.2.3]',
    '[::127.0.0.1]',
    '[fe80::1]',
    '[fec0::1]',
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[ff02::1]',
    '[64:ff9b::10.0.0.1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b:1::1]',
    '[2002:a00:1::]',
    '[2002:7f00:1::1]',
    '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[100::1]',
    '[5f00::1]',
    '[4000::1]',
    '0x7f.1',
    '0x7f000001',
    '017700000001',
    '2130706433',
    '127.1',
    '0',
    '0xa9fea9fe',
    '127。0。0。1',
    '１２７.0.0.1',
    '127.0.0.1.',
  ].map((host): [string[], string, string] => [['*'], `http://${host}:80`, 'not-public']),
  [['*'], 'http://172.32.0.1:80', 'allowed'],
  [['*'], 'http://172.15.255.255:80', 'allowed'],
  [['*'], 'http://100.128.0.1:80', 'allowed'],
  [['*'], 'http://11.0.0.1:80', 'allowed'],
  [['*'], 'http://[64:ff9b::8.8.8.8]:80', 'allowed'],
  [['*'], 'http://[::ffff:8.8.8.8]:80', 'allowed'],
  // And allowed where listed.
  [['10.0.0.0/8'], 'http://10.1.2.3:80', 'allowed'],
  [['10.0.0.0/8'], 'http://10.1.2.3:8080', 'not-listed'],
  [['10.0.0.0/8:8080'], 'http://10.1.2.3:8080', 'allowed'],
  [['https://10.0.0.0/8:*'], 'http://10.1.2.3:8080', 'not-listed'],
  [['10.0.0.0/8', '*'], 'http://192.168.0.1:80', 'not-public'],
  [['10.0.0.0/8'], 'http://11.0.0.1:80', 'not-listed'],
  [['169.254.169.254'], 'http://169.254.169.254:80', 'allowed'],
  [['127.0.0.1'], 'http://[::ffff:127.0.0.1]:80', 'allowed'],
  [['127.0.0.1'], 'http://2130706433:80', 'allowed'],
  [['[::ffff:127.0.0.1]'], 'http://127.0.0.1:80', 'allowed'],
  [['[::1]'], 'http://[0:0::1]:80', 'allowed'],
  [['[::1]'], 'http://127.0.0.1:80', 'not-listed'],
  [['fd00::/8'], 'http://[fd12:3456::1]:80', 'allowed'],
  [['fd00::/8'], 'http://[fc00::1]:80', 'not-listed'],
  [['::/0'], 'http://[fe80::1]:80', 'allowed'],
  [['::/0'], 'http://[::ffff:10.0.0.1]:80', 'not-listed'],
  [['0.0.0.0/0'], 'http://10.0.0.1:80', 'allowed'],
]

test('the matrix is as large as it claims', () => expect(matrix.length).toBeGreaterThan(120))

test.for(matrix)('%j and %s: %s', ([rules, url, verdict]) => {
  const [, scheme, host = '', port] = /^(\w+):\/\/(.*):(\d+)$/s.exec(url) ?? []
  const parsed = parseHost(host)
  if (parsed === undefined) throw new Error('no host')
  expect(judge(parseAllowList(rules).http, { scheme: scheme as 'http', host: parsed, port: Number(port) })).toBe(
    verdict,
  )
})

test.for([
  [['db.example'], 'db.example', '10.0.0.1', 'not-public'],
  [['*'], 'db.example', '169.254.169.254', 'not-public'],
  [['*'], 'db.example', '::ffff:169.254.169.254', 'not-public'],
  [['*'], 'db.example', '93.184.216.34', 'allowed'],
  [['db.example', '10.0.0.0/8'], 'db.example', '10.0.0.1', 'allowed'],
  [['db.example', '10.0.0.0/8:8080'], 'db.example', '10.0.0.1', 'not-public'],
  [['db.example', 'https://10.0.0.0/8'], 'db.example', '10.0.0.1', 'not-public'],
  [['db.example', '10.0.0.1'], 'db.example', '::ffff:10.0.0.1', 'allowed'],
  [['db.example', '10.0.0.1'], 'db.example', '10.0.0.2', 'not-public'],
  [['localhost'], 'localhost', '127.0.0.1', 'allowed'],
  [['localhost'], 'localhost', '::1', 'allowed'],
  [['localhost'], 'localhost', '10.0.0.1', 'not-public'],
  [['localhost:81'], 'localhost', '127.0.0.1', 'not-public'],
  [['*'], 'localhost', '127.0.0.1', 'not-public'],
  [['localhost', 'app.example'], 'app.example', '127.0.0.1', 'not-public'],
  [['*.localhost'], 'app.localhost', '127.0.0.1', 'not-public'],
] as const)('%j: %s at %s is %s', ([rules, name, address, verdict]) => {
  const at = parseAddress(address)
  if (at === undefined) throw new Error('no address')
  expect(judgeAddress(parseAllowList(rules).http, { scheme: 'http', host: { kind: 'name', name }, port: 80 }, at)).toBe(
    verdict,
  )
})

/** Undefined: it threw a ThawError. Anything else is thrown on. */
function orThawError<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (error instanceof ThawError) return undefined
    throw error
  }
}

function thrown(call: () => unknown): ThawError {
  try {
    call()
  } catch (error) {
    if (error instanceof ThawError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
