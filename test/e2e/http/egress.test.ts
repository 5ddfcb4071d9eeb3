/** Outgoing HTTP of deployed functions: what each may reach, how much of it, and over which connections. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cHttpGuest, starlingmonkeyHttpGuest, watHttpGuest } from '../../support/http-guests.ts'
import { startHttpServer, type Deployed, type HttpServer } from './support.ts'

/** A server on a free port of this machine, and who connected to it. */
class Upstream {
  readonly server: Server
  connections = 0
  requests: string[] = []

  constructor() {
    this.server = createServer((incoming, outgoing) => {
      const path = incoming.url ?? '/'
      this.requests.push(path)
      if (path.startsWith('/redirect/')) {
        outgoing.writeHead(302, { location: decodeURIComponent(path.slice('/redirect/'.length)) }).end()
      } else if (path.startsWith('/slow')) setTimeout(() => outgoing.end(`slow ${path}`), 100)
      else outgoing.end(`upstream ${path}`)
    })
    this.server.on('connection', () => this.connections++)
  }

  async listen(): Promise<this> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening')
    return this
  }

  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  close(): void {
    this.server.closeAllConnections()
    this.server.close()
  }
}

let http: HttpServer
let upstream: Upstream
let other: Upstream
const deployed = new Map<string, Deployed>()
const of = (name: string): Deployed => deployed.get(name) ?? expect.fail(`${name} is not deployed`)
const url = (path: string) => `http://localhost:${upstream.port}${path}`
const fetched = (name: string, path: string) => of(name).send(`/fetch?url=${url(path)}`)

async function allow(name: string, ...Allow: string[]): Promise<void> {
  await http.api('PUT', `/2015-03-31/functions/${name}/configuration`, { Egress: { Allow } })
  await http.server.updated(name)
}

beforeAll(async () => {
  ;[upstream, other] = await Promise.all([new Upstream().listen(), new Upstream().listen()])
  http = await startHttpServer({ limits: { egressConcurrency: 4 } })
  const deploy = async (name: string, component: Uint8Array) =>
    void deployed.set(name, await http.deploy(name, component, { MemorySize: 256 }))
  const c = await cHttpGuest('routes')
  await Promise.all([
    deploy('c', c),
    deploy('c-too', c),
    deploy('denied', c),
    deploy('proxy3', await watHttpGuest('0.3', 'proxy')),
    deploy('starlingmonkey', await starlingmonkeyHttpGuest()),
  ])
  const callers = ['c', 'c-too', 'proxy3', 'starlingmonkey']
  await Promise.all(callers.map((name) => allow(name, `localhost:${upstream.port}`)))
})
afterAll(async () => {
  upstream.close()
  other.close()
  await http[Symbol.asyncDispose]()
})

test('0.2 and 0.3 reach what their list names', async () => {
  expect(await fetched('c', '/from-c')).toMatchObject({ status: 200, body: 'upstream /from-c' })
  expect(await fetched('starlingmonkey', '/from-js')).toMatchObject({ status: 200, body: 'upstream /from-js' })
  const passed = await of('proxy3').send(`/localhost:${upstream.port}/from-3`)
  expect(passed).toMatchObject({ status: 200, body: 'upstream /from-3' })
})

test('a function without a list reaches nothing', async () => {
  // Case 15 of error-code: HTTP-request-denied.
  expect(await fetched('denied', '/denied')).toMatchObject({ status: 502, body: expect.stringMatching(/: 15\n$/) })
  expect(upstream.requests).not.toContain('/denied')
})

test.each<[string, () => string]>([
  ['another port', () => `http://localhost:${other.port}/`],
  ['the address of an allowed name', () => `http://127.0.0.1:${upstream.port}/`],
])('%s than what its list names is refused', async (_what, target) => {
  const before = upstream.requests.length + other.requests.length
  expect(await of('c').send(`/fetch?url=${target()}`)).toMatchObject({
    status: 502,
    body: expect.stringMatching(/: 15\n$/),
  })
  expect(upstream.requests.length + other.requests.length).toBe(before)
})

test('a redirect is an answer like any other, and to follow it another request', async () => {
  const follow = async (url: string) => {
    const { status, headers, body } = await of('proxy3').send(url)
    if (status !== 302) return { status, body }
    const { host, pathname } = new URL(String(headers.location))
    return of('proxy3').send(`/${host}${pathname}`)
  }
  const to = (target: string) => `/localhost:${upstream.port}/redirect/${encodeURIComponent(target)}`
  expect(await follow(to(url('/second')))).toMatchObject({ status: 200, body: 'upstream /second' })
  expect(await follow(to(`http://127.0.0.1:${other.port}/private`))).toMatchObject({ status: 502 })
  expect(other.requests).toEqual([])
})

test('an invocation has as many requests at a time as the limit says, and no more', async () => {
  const fanOut = (count: number) =>
    of('starlingmonkey').send(`/fanout?n=${count}&url=${encodeURIComponent(url('/slow'))}`)
  expect(await fanOut(4)).toMatchObject({ status: 200, body: expect.stringMatching(/^(slow .*\n?){4}$/) })
  const failed = await fanOut(5).then(
    ({ status }) => status,
    () => 'cut',
  )
  expect([500, 502, 'cut']).toContain(failed)
})

test('invocations of one function share connections, those of two never', async () => {
  await fetched('c', '/warm')
  const before = upstream.connections
  for (let at = 0; at < 3; at++) expect((await fetched('c', '/again')).status).toBe(200)
  expect(upstream.connections).toBe(before)
  expect((await fetched('c-too', '/other')).status).toBe(200)
  expect(upstream.connections).toBe(before + 1)
})

test('a list that is changed holds from the next request on', async () => {
  expect((await fetched('c-too', '/before')).status).toBe(200)
  await allow('c-too')
  expect(await fetched('c-too', '/after')).toMatchObject({ status: 502, body: expect.stringMatching(/: 15\n$/) })
  await allow('c-too', `localhost:${upstream.port}`)
  expect((await fetched('c-too', '/anew')).status).toBe(200)
})

test('200 requests at a time wait in one worker, each for an answer of its own', async () => {
  const paths = Array.from({ length: 200 }, (_, at) => `/slow/${at}`)
  const replies = await Promise.all(paths.map((path) => fetched('c', path)))
  expect(replies.map(({ status, body }) => `${status} ${body}`)).toEqual(paths.map((path) => `200 slow ${path}`))
})
