import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHttpServer, type Deployed, type HttpServer } from '../e2e/http/support.ts'
import { zipOfExample } from './support.ts'

let http: HttpServer
let fn: Deployed
let address: string
/** Nobody is answered before both are there. */
const waiting: ServerResponse[] = []
const services = createServer((incoming, outgoing) => {
  if (incoming.url === '/broken') return void outgoing.writeHead(500).end()
  waiting.push(outgoing)
  if (waiting.length === 2) for (const each of waiting.splice(0)) each.end(JSON.stringify({ from: each.req.url }))
})

beforeAll(async () => {
  await once(services.listen(0, '127.0.0.1'), 'listening')
  const bound = services.address()
  address = `localhost:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
  const urls = {
    stock: `http://${address}/stock`,
    prices: `http://${address}/prices`,
    news: `http://${address}/broken`,
  }
  http = await startHttpServer()
  fn = await http.deploy('fetch-fan-out', await zipOfExample({ name: 'fetch-fan-out' }), {
    Runtime: 'nodejs24.x',
    Environment: { Variables: { SERVICES: JSON.stringify(urls) } },
  })
})
afterAll(async () => {
  await http[Symbol.asyncDispose]()
  services.closeAllConnections()
  services.close()
})

test('without an allow-list it reaches nothing', async () => {
  const denied = { ok: false, error: 'HTTP-request-denied' }
  const { status, body } = await fn.send('/')
  expect([status, JSON.parse(body)]).toEqual([
    207,
    ['stock', 'prices', 'news'].map((name) => expect.objectContaining({ name, ...denied })),
  ])
})

test('with one it asks all at once, and tells what came of each', async () => {
  await http.api('PUT', `/2015-03-31/functions/${fn.name}/configuration`, { Egress: { Allow: [address] } })
  await http.server.updated(fn.name)
  const { status, body } = await fn.send('/')
  expect([status, JSON.parse(body)]).toEqual([
    207,
    [
      { name: 'stock', ok: true, answer: { from: '/stock' }, ms: expect.any(Number) },
      { name: 'prices', ok: true, answer: { from: '/prices' }, ms: expect.any(Number) },
      { name: 'news', ok: false, answer: { status: 500 }, ms: expect.any(Number) },
    ],
  ])
})
