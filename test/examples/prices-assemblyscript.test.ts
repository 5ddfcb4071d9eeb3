import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileFunction, type Guest, type StartOptions } from '../../guest-sdk/assemblyscript/testing/load.ts'
import { startServer, type TestServer } from '../e2e/server.ts'
import { deploy } from './support.ts'

const name = 'prices-assemblyscript'
const cents = new Map([
  ['/prices/tea', 350],
  ['/prices/milk', 120],
])

let server: TestServer
let start: (options?: StartOptions) => Promise<Guest>
/** Answers once as many as these are waiting. */
let together = 1
const waiting: (() => ServerResponse)[] = []
const prices = createServer(({ url }, response) => {
  const price = cents.get(url ?? '')
  waiting.push(() =>
    price === undefined ? response.writeHead(404).end() : response.end(JSON.stringify({ cents: price })),
  )
  if (waiting.length >= together) for (const answer of waiting.splice(0)) answer()
})
let address: string
beforeAll(async () => {
  await once(prices.listen(0, '127.0.0.1'), 'listening')
  const bound = prices.address()
  address = `localhost:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
  server = await startServer({ workers: 1 })
  const Environment = { Variables: { PRICES_URL: `http://${address}` } }
  await deploy(server, { name, runtime: 'assemblyscript' }, { Environment, Timeout: 20 })
  ;({ start } = await compileFunction({ folder: join(import.meta.dirname, '..', '..', 'examples', name) }))
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  prices.closeAllConnections()
  prices.close()
})

test('deployed, it reaches what its allow-list names, and all at once', async () => {
  const denied = await server.invoke(name, { items: ['tea'] })
  expect(denied.payload).toMatchObject({ errorType: 'Prices.Unreachable', errorMessage: 'HTTP-request-denied' })
  const configuration = `${server.thaw.url}/2015-03-31/functions/${name}/configuration`
  await fetch(configuration, { method: 'PUT', body: JSON.stringify({ Egress: { Allow: [address] } }) })
  await server.updated(name)
  together = 3
  const answer = await server.invoke(name, { items: ['tea', 'ice', 'milk'] })
  expect(answer.payload).toEqual({ cents: 470, missing: ['ice'] })
})

test('its unit test needs neither server nor network', async () => {
  const PRICES_URL = 'https://prices.example'
  const guest = await start({
    environment: { PRICES_URL },
    fetch: ({ url, headers }) => ({ body: `{"cents":${url.length + headers['accept']!.length}}` }),
  })
  expect(guest.invoke({ items: ['a'] }).value).toEqual({ cents: `${PRICES_URL}/prices/a`.length + 16, missing: [] })
  const unreachable = await start({ environment: { PRICES_URL }, fetch: () => ({ error: 'DNS-timeout' }) })
  const { failure, log } = unreachable.invoke({ items: ['a'] })
  expect(failure).toEqual({ errorType: 'Prices.Unreachable', errorMessage: 'DNS-timeout' })
  expect(log).toContain(`\tERROR\tGET ${PRICES_URL}/prices/a: DNS-timeout\n`)
})
