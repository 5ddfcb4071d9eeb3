import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { GetFunctionUrlConfigCommand } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileFunction } from '../../guest-sdk/assemblyscript/testing/load.ts'
import { startServer, type TestServer } from '../e2e/server.ts'
import { deploy, urlOf } from './support.ts'

const name = 'http-assemblyscript'

let server: TestServer
let call: Awaited<ReturnType<typeof urlOf>>
let host: string
beforeAll(async () => {
  server = await startServer({ workers: 1 })
  await deploy(server, { name, runtime: 'assemblyscript' }, { Handler: 'index.fetch' })
  call = await urlOf(server, name)
  const { FunctionUrl } = await server.client.send(new GetFunctionUrlConfigCommand({ FunctionName: name }))
  host = new URL(FunctionUrl ?? '').host
})
afterAll(() => server[Symbol.asyncDispose]())

test('it answers its routes', async () => {
  const converted = await call('GET', '/convert?celsius=20')
  expect(converted).toMatchObject({ status: 200, headers: { 'cache-control': 'max-age=60' } })
  expect(JSON.parse(converted.body)).toEqual({ celsius: 20, fahrenheit: 68 })
  expect(JSON.parse((await call('POST', '/mean', { body: '[1, 2, 6]' })).body)).toEqual({ count: 3, mean: 3 })
  expect(await call('GET', '/convert')).toMatchObject({ status: 400, body: expect.stringContaining('?celsius=') })
  expect(await call('HEAD', '/nowhere')).toMatchObject({ status: 404, body: '' })
  expect(await call('GET', '/nowhere')).toMatchObject({ status: 404 })
})

test('records leave while the rest of them is still coming', async () => {
  const outgoing = httpRequest({ port: server.thaw.port, method: 'POST', path: '/records', headers: { host } })
  outgoing.write('id,name\n1,ice\r\n2,wat')
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const [first] = (await once(incoming, 'data')) as [Buffer]
  expect(first.toString()).toBe('{"id":"1","name":"ice"}\n')
  outgoing.end('er\n3,thaw')
  expect(await text(incoming)).toBe('{"id":"2","name":"water"}\n{"id":"3","name":"thaw"}\n')
})

test('its unit test needs no server', async () => {
  const { start } = await compileFunction({ folder: join(import.meta.dirname, '..', '..', 'examples', name) })
  const guest = await start({ now: () => 0 })
  const { reply, log } = guest.request({ method: 'POST', url: '/records', body: 'a,b\n1,2\n3' })
  expect(reply?.body.toString()).toBe('{"a":"1","b":"2"}\n{"a":"3","b":""}\n')
  expect(log).toBe('1970-01-01T00:00:00.000Z\t\tINFO\t2 records\n')
})
