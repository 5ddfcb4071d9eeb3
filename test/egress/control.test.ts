/** Where requests may go: names, addresses, what a name does between two answers, and who shares a connection. */
import { execFile } from 'node:child_process'
import type { Socket } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllowList } from '../../src/egress/allow-list.ts'
import { createEgress, deniedEgress } from '../../src/egress/client.ts'
import { collect, defaultLimits, failure, get, httpServer, tcpServer, testEgress, text } from './support/harness.ts'
import type { TestServer } from './support/harness.ts'

let server: TestServer
let other: TestServer

beforeAll(async () => {
  server = await httpServer((_request, response) => response.writeHead(200, { 'content-length': 5 }).end('first'))
  other = await httpServer((_request, response) => response.end('other'), '127.0.0.2')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

describe('by default', () => {
  test('everything is denied, and the error says what would allow it', async () => {
    const error = await failure(() => get(deniedEgress(), 'https://api.example.com/x'))
    expect(error.code).toBe('HTTP-request-denied')
    expect(error.message).toContain('egress is denied by default')
    expect(error.message).toContain('allow "https://api.example.com"')
  })

  test.for([
    ['http://API.example.com:8080/', 'http://api.example.com:8080'],
    ['http://[::1]:8080/', 'http://[::1]:8080'],
  ] as const)('the entry that would allow %s is %s', async ([url, entry]) => {
    const error = await failure(() => get(deniedEgress(), url))
    expect(error.message).toContain(`allow "${entry}"`)
    expect(() => parseAllowList([entry])).not.toThrow()
  })

  test('an empty list, or one of sockets only, denies too', async () => {
    using egress = testEgress()
    for (const rules of [[], ['tcp://api.test:*']]) {
      const error = await failure(() => get(egress.client(rules), `http://api.test:${server.port}/`))
      expect(error.code).toBe('HTTP-request-denied')
    }
    expect(egress.asked).toEqual([])
  })

  test('a name that is not listed is not looked up', async () => {
    using egress = testEgress()
    const error = await failure(() => get(egress.client(['api.test:*']), `http://evil.test:${server.port}/`))
    expect(error.code).toBe('HTTP-request-denied')
    expect(egress.asked).toEqual([])
  })
})

describe('names', () => {
  test('one that resolves to a private address is refused, without saying which', async () => {
    using egress = testEgress({ 'api.test': [['10.11.12.13']] })
    const error = await failure(get(egress.client(['*:*']), 'http://api.test:8080/').response)
    expect(error.code).toBe('destination-IP-prohibited')
    expect(error.message).toContain('api.test:8080')
    expect(error.message).not.toContain('10.11')
  })

  test.for([
    ['93.184.216.34', '10.0.0.1'],
    ['::ffff:169.254.169.254'],
    ['fd00:ec2::254'],
    ['64:ff9b::7f00:1'],
    ['::1'],
  ])('one with %j among its addresses is refused as a whole', async (addresses) => {
    using egress = testEgress({ 'api.test': [[...addresses]] })
    const { code } = await failure(get(egress.client(['api.test']), 'http://api.test/').response)
    expect(code).toBe('destination-IP-prohibited')
  })

  test('the connection goes to the address that was checked, though the name has another by then', async () => {
    // 127.0.0.1 stands for a public address: listed. Who answers for the name says 127.0.0.2 to whoever asks again.
    using egress = testEgress({ 'api.test': [['127.0.0.1'], ['127.0.0.2']] })
    const before = other.accepted
    const client = egress.client(['api.test:*', '127.0.0.1:*'])
    expect(await text(get(client, `http://api.test:${server.port}/`))).toBe('first')
    expect(egress.asked).toEqual(['api.test'])
    expect(other.accepted).toBe(before)
  })

  test('a second answer is checked like the first', async () => {
    // Without a connection or an answer kept between: by another key.
    using egress = testEgress({ 'api.test': [['127.0.0.1'], ['127.0.0.2']] })
    const rules = ['api.test:*', '127.0.0.1:*']
    expect(await text(get(egress.client(rules, { key: 'a' }), `http://api.test:${server.port}/`))).toBe('first')
    const { code } = await failure(get(egress.client(rules, { key: 'b' }), `http://api.test:${other.port}/`).response)
    expect(code).toBe('destination-IP-prohibited')
    expect(other.accepted).toBe(0)
  })

  test('an answer that is used again is checked for the port at hand', async () => {
    using egress = testEgress()
    const client = egress.client(['api.test:*', `127.0.0.1:${server.port}`])
    expect(await text(get(client, `http://api.test:${server.port}/`))).toBe('first')
    const { code } = await failure(get(client, `http://api.test:${other.port}/`).response)
    expect(code).toBe('destination-IP-prohibited')
    expect(egress.asked).toEqual(['api.test'])
  })

  test('a redirect to a private address is an answer, and following it is refused', async () => {
    await using metadata = await tcpServer(() => undefined, '127.0.0.2')
    await using redirecting = await httpServer((_request, response) => {
      response.writeHead(302, { location: `http://127.0.0.2:${metadata.port}/latest/meta-data` }).end()
    })
    using egress = testEgress()
    const client = egress.client(['*:*', '127.0.0.1:*'])
    const { status, headers } = await get(client, `http://api.test:${redirecting.port}/`).response
    const location = headers.find(([name]) => name === 'location')?.[1] ?? ''
    expect(status).toBe(302)
    expect((await failure(() => get(client, location))).code).toBe('destination-IP-prohibited')
    expect(metadata.accepted).toBe(0)
  })

  test('localhost is loopback, whatever a server says', async () => {
    using egress = testEgress({ localhost: [['93.184.216.34']] })
    expect(await text(get(egress.client([`localhost:${server.port}`]), `http://localhost:${server.port}/`))).toBe(
      'first',
    )
    const { code } = await failure(get(egress.client(['*:*']), `http://localhost:${server.port}/`).response)
    expect(code).toBe('destination-IP-prohibited')
    expect(egress.asked).toEqual([])
  })

  test('a literal address is connected to as it is, in any notation', async () => {
    using egress = testEgress()
    const client = egress.client(['127.0.0.1:*'])
    for (const host of ['127.0.0.1', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]']) {
      expect(await text(get(client, `http://${host}:${server.port}/`))).toBe('first')
    }
    expect(egress.asked).toEqual([])
  })

  test.for([
    ['no address', async () => [], 'DNS-error'],
    ['what is none', async () => ['not-an-address'], 'DNS-error'],
    ['an address with a zone', async () => ['fe80::1%eth0'], 'DNS-error'],
    ['a failure', () => Promise.reject(new Error('queryA ENOTFOUND 10.0.0.53')), 'DNS-error'],
    ['nothing in time', () => new Promise<string[]>(() => undefined), 'DNS-timeout'],
  ] as const)('a resolver that gives %s', async ([, resolver, code]) => {
    using egress = testEgress({}, { resolver, with: { egressDnsMs: 200 } })
    const error = await failure(get(egress.client(['api.test']), 'http://api.test/').response)
    expect(error.code).toBe(code)
    expect(error.message).toContain('api.test:80')
    expect(error.message).not.toContain('10.0.0.53')
  })

  test('those that a function asks for wait for each other, and give up when their time is over', async () => {
    const asked: string[] = []
    const release: (() => void)[] = []
    using egress = testEgress(
      {},
      {
        resolver: (name) => {
          asked.push(name)
          return new Promise((_resolve, reject) => release.push(() => reject(new Error('late'))))
        },
        with: { egressDnsMs: 500 },
      },
    )
    const client = egress.client(['*'])
    const all = ['a', 'b', 'c', 'd'].map((name) => failure(get(client, `http://${name}.test/`).response))
    const errors = await Promise.all(all)
    expect(errors.map(({ code }) => code)).toEqual(Array(4).fill('DNS-timeout'))
    expect(asked).toEqual(['a.test', 'b.test'])
    for (const answer of release) answer()
    const fifth = failure(get(client, 'http://e.test/').response)
    await expect.poll(() => asked, { timeout: 20_000, interval: 2 }).toEqual(['a.test', 'b.test', 'e.test'])
    release.at(-1)?.()
    expect((await fifth).code).toBe('DNS-error')
  })
})

describe('connections', () => {
  const url = () => `http://api.test:${server.port}/`
  const rules = ['api.test:*', '127.0.0.1:*']

  test('are used again by the same function, by another invocation too', async () => {
    using egress = testEgress()
    const before = server.accepted
    const first = egress.client(rules)
    expect(await text(get(first, url()))).toBe('first')
    expect(await text(get(first, url(), { method: 'HEAD' }))).toBe('')
    first.close()
    expect(await text(get(egress.client(rules), url()))).toBe('first')
    expect(server.accepted - before).toBe(1)
  })

  test('are not shared by functions, nor by two allow-lists of one', async () => {
    using egress = testEgress()
    const before = server.accepted
    for (const [key, list] of [
      ['a', rules],
      ['b', rules],
      ['a', [...rules, 'x.test']],
    ] as const) {
      const client = egress.client([...list], { key })
      expect(await text(get(client, url()))).toBe('first')
      client.close()
    }
    expect(server.accepted - before).toBe(3)
  })

  test('are closed when idle, and the function is forgotten', async () => {
    await using quiet = await httpServer((_request, response) => response.end())
    using egress = testEgress({}, { with: { egressIdleMs: 300 } })
    const client = egress.client(rules)
    await text(get(client, `http://api.test:${quiet.port}/`))
    expect(quiet.open.size).toBe(1)
    await expect.poll(() => quiet.open.size, { timeout: 20_000 }).toBe(0)
    client.close()
    await expect.poll(() => egress.functions, { timeout: 20_000 }).toBe(0)
  })

  test('are kept idle for so many functions only, the latest', async () => {
    await using quiet = await httpServer((_request, response) => response.end())
    using egress = testEgress({}, { with: { egressIdleFunctions: 2 } })
    for (const key of ['a', 'b', 'c', 'd']) {
      const client = egress.client(rules, { key })
      await text(get(client, `http://api.test:${quiet.port}/`))
      client.close()
    }
    expect(egress.functions).toBe(2)
    await expect.poll(() => quiet.open.size, { timeout: 20_000 }).toBe(2)
  })

  test('are kept idle only so many a function', async () => {
    await using quiet = await httpServer((_request, response) => setTimeout(() => response.end(), 20))
    using egress = testEgress({}, { with: { egressIdleConnections: 2 } })
    const client = egress.client(rules)
    await Promise.all(Array.from({ length: 5 }, () => text(get(client, `http://api.test:${quiet.port}/`))))
    expect(quiet.accepted).toBe(5)
    await expect.poll(() => quiet.open.size, { timeout: 20_000 }).toBe(2)
  })

  test('one that the server closed in the meantime is replaced, for a request that may be repeated', async () => {
    let requests = 0
    // Ends the connection on the second request of it, as servers do whose time for idle ones has just passed.
    await using server = await tcpServer((socket) => {
      let here = 0
      socket.on('data', () => {
        requests += 1
        here += 1
        if (here > 1) socket.destroy()
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    using egress = testEgress()
    const client = egress.client(rules)
    const url = `http://api.test:${server.port}/`
    expect(await text(get(client, url))).toBe('ok')
    expect(await text(get(client, url))).toBe('ok')
    expect([server.accepted, requests]).toEqual([2, 3])
    const { code } = await failure(get(client, url, { method: 'POST' }).response)
    expect([code, server.accepted]).toEqual(['connection-terminated', 2])
  })

  test.for([
    ['at once', true],
    ['when it is idle', false],
  ] as const)(
    'a second response that nobody asked for answers no later request: one that comes %s',
    async ([, atOnce]) => {
      let first: Socket | undefined
      const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
      await using server = await tcpServer((socket) => {
        first ??= socket
        socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${atOnce ? evil : ''}`))
      })
      using egress = testEgress()
      const client = egress.client(rules)
      expect(await text(get(client, `http://api.test:${server.port}/`))).toBe('ok')
      if (!atOnce) await new Promise((resolve) => first?.write(evil, resolve))
      // Two turns of the event loop: by then it has come.
      for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      expect(await text(get(client, `http://api.test:${server.port}/`))).toBe('ok')
    },
  )

  test('closing the egress closes them, in use or idle', async () => {
    await using slow = await tcpServer((socket) => void socket.resume())
    await using quick = await httpServer((_request, response) => response.end())
    const egress = testEgress()
    const client = egress.client(rules)
    await text(get(client, `http://api.test:${quick.port}/`))
    const hanging = get(client, `http://api.test:${slow.port}/`)
    await expect.poll(() => slow.open.size, { timeout: 20_000 }).toBe(1)
    egress.close()
    expect((await failure(hanging.response)).code).toBe('connection-terminated')
    await expect.poll(() => [slow.open.size, quick.open.size], { timeout: 20_000 }).toEqual([0, 0])
    expect((await failure(() => get(client, 'http://api.test/'))).message).toContain('over')
  })

  test('an abort of the invocation ends them; one that came first too', async () => {
    await using slow = await tcpServer((socket) => void socket.resume())
    using egress = testEgress()
    const abort = new AbortController()
    const client = egress.client(rules, { signal: abort.signal })
    const hanging = get(client, `http://api.test:${slow.port}/`)
    await expect.poll(() => slow.open.size, { timeout: 20_000 }).toBe(1)
    abort.abort()
    expect((await failure(hanging.response)).code).toBe('connection-terminated')
    await expect.poll(() => slow.open.size, { timeout: 20_000 }).toBe(0)
    const late = egress.client(rules, { signal: abort.signal })
    expect((await failure(() => get(late, 'http://api.test/'))).code).toBe('HTTP-request-denied')
  })
})

test('a refused connection says so, without the address', async () => {
  const closed = await tcpServer((socket) => void socket.resume())
  await closed[Symbol.asyncDispose]()
  using egress = testEgress({ 'api.test': [['127.0.0.1', '127.0.0.2']] })
  const error = await failure(
    get(egress.client(['api.test:*', '127.0.0.0/8:*']), `http://api.test:${closed.port}/`).response,
  )
  expect(error.code).toBe('connection-refused')
  expect(error.message).toContain(`api.test:${closed.port}`)
  expect(error.message).not.toContain('127.0.0')
})

test('without a resolver, the host’s own is asked', async () => {
  using egress = createEgress({ limits: defaultLimits })
  const client = egress.clientFor({ key: 'a', rules: parseAllowList(['name.invalid']) })
  expect((await failure(get(client, 'http://name.invalid/').response)).code).toMatch(/^DNS-/)
})

test('in a process with the rights of a worker, proxies of the environment and lax TLS count for nothing', async () => {
  await using proxy = await tcpServer((socket) => socket.destroy())
  const proxyUrl = `http://127.0.0.1:${proxy.port}`
  const script = `
    import { limitsSchema } from ${JSON.stringify(import.meta.resolve('../../src/config.ts'))}
    import { parseAllowList } from ${JSON.stringify(import.meta.resolve('../../src/egress/allow-list.ts'))}
    import { createEgress } from ${JSON.stringify(import.meta.resolve('../../src/egress/client.ts'))}
    const egress = createEgress({ limits: limitsSchema.parse({}) })
    const client = egress.clientFor({ key: 'a', rules: parseAllowList(['localhost:*']) })
    const exchange = client.send(
      { method: 'GET', scheme: 'http', authority: 'localhost:${server.port}', pathWithQuery: '/', headers: [] },
      { timeouts: {}, hasBody: false },
    )
    exchange.body.end()
    const { status } = await exchange.response
    console.log(status)
    egress.close()`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--permission', '--allow-net', `--allow-fs-read=${process.cwd()}`, '--input-type=module', '--eval', script],
    {
      env: {
        NODE_USE_ENV_PROXY: '1',
        HTTP_PROXY: proxyUrl,
        http_proxy: proxyUrl,
        HTTPS_PROXY: proxyUrl,
        ALL_PROXY: proxyUrl,
      },
    },
  )
  expect(stdout).toBe('200\n')
  expect(proxy.accepted).toBe(0)
})

test('bodies of a response that nobody reads are not lost when the connection is', async () => {
  using egress = testEgress()
  const { body } = await get(egress.client(['api.test:*', '127.0.0.1:*']), `http://api.test:${server.port}/`).response
  await expect.poll(() => body.heldBytes, { timeout: 20_000 }).toBe(5)
  egress.close()
  expect((await collect(body)).toString()).toBe('first')
})
