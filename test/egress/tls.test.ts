import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { failure, get, serve, tcpServer, testEgress, text } from './support/harness.ts'
import type { TestServer } from './support/harness.ts'

let folder: string
let server: TestServer
let certificate: string
/** What clients asked for: the name, and the protocol that was agreed on. */
const asked: [name: unknown, protocol: unknown][] = []
const rules = ['https://api.test:*', 'https://other.test:*', '127.0.0.1:*']

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'thaw-egress-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  // prettier-ignore
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=api.test', '-addext', 'subjectAltName=DNS:api.test,IP:127.0.0.1', '-keyout', key, '-out', cert],
  { stdio: 'ignore' })
  certificate = readFileSync(cert, 'utf8')
  const https = createServer({ key: readFileSync(key), cert: certificate, ALPNProtocols: ['h2', 'http/1.1'] })
  https.keepAliveTimeout = 60_000
  https.on('request', (request, response) => {
    const socket = request.socket as TLSSocket & { servername?: unknown }
    asked.push([socket.servername, socket.alpnProtocol])
    if (request.url === '/once') response.setHeader('connection', 'close')
    response.end('secret')
  })
  server = await serve(https)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

test('a certificate that is trusted and names the host: HTTP/1.1, and connections are used again', async () => {
  using egress = testEgress({}, { trusted: [certificate] })
  const client = egress.client(rules)
  const before = server.accepted
  expect(await text(get(client, `https://api.test:${server.port}/`))).toBe('secret')
  expect(await text(get(client, `https://api.test:${server.port}/`))).toBe('secret')
  expect(server.accepted - before).toBe(1)
  expect(asked.slice(-2)).toEqual([
    ['api.test', 'http/1.1'],
    ['api.test', 'http/1.1'],
  ])
})

test('an address has no name to ask for; its certificate has to name it', async () => {
  using egress = testEgress({}, { trusted: [certificate] })
  expect(await text(get(egress.client(rules), `https://127.0.0.1:${server.port}/`))).toBe('secret')
  expect(asked.at(-1)).toEqual([false, 'http/1.1'])
})

test.for([
  ['nobody trusts', 'api.test', false],
  ['names another host', 'other.test', true],
] as const)('a certificate that %s', async ([, host, trusted]) => {
  using egress = testEgress({}, trusted ? { trusted: [certificate] } : {})
  const requests = asked.length
  const error = await failure(get(egress.client(rules), `https://${host}:${server.port}/`).response)
  expect(error.code).toBe('TLS-certificate-error')
  expect(error.message).toContain(`${host}:${server.port}`)
  expect(asked).toHaveLength(requests)
  await expect.poll(() => server.open.size, { timeout: 20_000 }).toBe(0)
})

test('the environment cannot switch the check off', async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  try {
    using egress = testEgress()
    const { code } = await failure(get(egress.client(rules), `https://api.test:${server.port}/`).response)
    expect(code).toBe('TLS-certificate-error')
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  }
})

test('a server that does not speak TLS', async () => {
  await using plain = await tcpServer(
    (socket) => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad\r\n\r\n')),
  )
  using egress = testEgress()
  const { code } = await failure(get(egress.client(rules), `https://api.test:${plain.port}/`).response)
  expect(code).toBe('TLS-protocol-error')
})

test('a server that hangs up on the handshake', async () => {
  await using plain = await tcpServer((socket) => void socket.once('data', () => socket.destroy()))
  using egress = testEgress()
  const { code } = await failure(get(egress.client(rules), `https://api.test:${plain.port}/`).response)
  expect(code).toBe('connection-terminated')
})

test('a kept connection that the server closed is replaced', async () => {
  using egress = testEgress({}, { trusted: [certificate] })
  const client = egress.client(rules)
  expect(await text(get(client, `https://api.test:${server.port}/`))).toBe('secret')
  for (const socket of server.open) socket.end()
  expect(await text(get(client, `https://api.test:${server.port}/`))).toBe('secret')
  expect(await text(get(client, `https://api.test:${server.port}/once`))).toBe('secret')
  await expect.poll(() => server.open.size, { timeout: 20_000 }).toBe(0)
})
