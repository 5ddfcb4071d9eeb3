import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../e2e/server.ts'
import { deploy, urlOf } from './support.ts'

let server: TestServer
let call: Awaited<ReturnType<typeof urlOf>>
beforeAll(async () => {
  server = await startServer({ workers: 1 })
  await deploy(server, { name: 'http-api-json' })
  call = await urlOf(server, 'http-api-json')
})
afterAll(() => server[Symbol.asyncDispose]())

test('the collection, with a query, and its items', async () => {
  const all = await call('GET', '/products')
  expect(all).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
  expect(JSON.parse(all.body)).toHaveLength(2)
  expect(JSON.parse((await call('GET', '/products?maxPriceCents=3000')).body)).toMatchObject([{ name: 'Kettle' }])
  expect(JSON.parse((await call('GET', '/products/2')).body)).toMatchObject({ name: 'Teapot' })
  expect((await call('GET', '/products/9')).status).toBe(404)
})

test('a new item: made, or refused with the reason', async () => {
  const post = (body: string) => call('POST', '/products', { headers: { 'content-type': 'application/json' }, body })
  const made = await post('{"name":"Cup"}')
  expect(made).toMatchObject({ status: 201, headers: { location: '/products/3' } })
  expect(JSON.parse(made.body)).toEqual({ id: '3', name: 'Cup' })
  const bytes = { headers: { 'content-type': 'application/octet-stream' }, body: '{"name":"Schüssel"}' }
  expect(JSON.parse((await call('POST', '/products', bytes)).body)).toMatchObject({ name: 'Schüssel' })
  expect((await post('{"name":1}')).status).toBe(422)
  expect((await post('{')).status).toBe(400)
  expect(await call('DELETE', '/products')).toMatchObject({ status: 405, headers: { allow: 'GET, POST' } })
})
