import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../e2e/server.ts'
import { deploy, urlOf } from './support.ts'

let server: TestServer
let call: Awaited<ReturnType<typeof urlOf>>
beforeAll(async () => {
  server = await startServer({ workers: 1 })
  await deploy(server, { name: 'hono-api', packages: ['hono'] })
  call = await urlOf(server, 'hono-api')
})
afterAll(() => server[Symbol.asyncDispose]())

test('its routes answer', async () => {
  expect(await call('GET', '/')).toMatchObject({ status: 200, body: 'Hono on Thaw' })
  const all = await call('GET', '/todos')
  expect(all.headers['content-type']).toBe('application/json')
  expect(JSON.parse(all.body)).toEqual([{ id: 1, title: 'thaw', done: false }])
  expect((await call('GET', '/todos/1')).status).toBe(200)
  expect((await call('GET', '/todos/2')).status).toBe(404)
  expect((await call('GET', '/nowhere')).status).toBe(404)
})

test('a body is read', async () => {
  const post = (body: string) => call('POST', '/todos', { headers: { 'content-type': 'application/json' }, body })
  const made = await post('{"title":"melt"}')
  expect(made).toMatchObject({ status: 201, headers: { location: '/todos/2' } })
  expect(JSON.parse(made.body)).toEqual({ id: 2, title: 'melt', done: false })
  expect((await post('{}')).status).toBe(422)
})
