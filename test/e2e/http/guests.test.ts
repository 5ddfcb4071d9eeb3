/** HTTP components of every toolchain behind function URLs and routes. */
import { CreateFunctionCommand, GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda'
import { parse } from '@bytecodealliance/jco'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { withText } from '../../support/guests.ts'
import {
  assemblyscriptHttpGuest,
  cHttpGuest,
  quickjsHttpGuest,
  starlingmonkeyHttpGuest,
  watHttpGuest,
} from '../../support/http-guests.ts'
import { role, zipOf } from '../server.ts'
import { startHttpServer, type Deployed, type HttpServer } from './support.ts'

const guests = {
  wat2: () => watHttpGuest('0.2', 'hello'),
  c: () => cHttpGuest('routes'),
  assemblyscript: assemblyscriptHttpGuest,
  quickjs: () => quickjsHttpGuest(),
  starlingmonkey: starlingmonkeyHttpGuest,
}
type Guest = keyof typeof guests

let http: HttpServer
const deployed = new Map<string, Deployed>()
const of = (name: string): Deployed => deployed.get(name) ?? expect.fail(`${name} is not deployed`)

beforeAll(async () => {
  http = await startHttpServer()
  const deploy = async (name: string, component: Uint8Array, ZipFile = component) => {
    const Environment = { Variables: { COLOR: 'blue' } }
    deployed.set(name, await http.deploy(name, component, { Code: { ZipFile }, Environment, MemorySize: 256 }))
  }
  await Promise.all([
    ...Object.entries(guests).map(async ([name, build]) => {
      const component = await build()
      // One as a zip, the others bare.
      await deploy(name, component, name === 'c' ? await zipOf({ 'function.wasm': component }) : component)
    }),
    deploy('echo2', await watHttpGuest('0.2', 'echo')),
    deploy('echo3', await watHttpGuest('0.3', 'echo')),
    deploy('no-body3', await watHttpGuest('0.3', 'no-body')),
  ])
})
afterAll(() => http[Symbol.asyncDispose]())

const hello: [Guest, string][] = [
  ['wat2', 'hello from wat\n'],
  ['c', 'hello from c\n'],
  ['assemblyscript', 'hello from assemblyscript\n'],
  ['quickjs', 'hello from quickjs\n'],
  ['starlingmonkey', 'hello from starlingmonkey\n'],
]
const echoes = ['echo2', 'echo3', 'c', 'assemblyscript', 'quickjs', 'starlingmonkey']
const tellers: Guest[] = ['c', 'quickjs', 'starlingmonkey']

test.each(hello)('%s says hello', async (name, body) => {
  const reply = await of(name).send('/hello')
  expect(reply).toMatchObject({ status: 200, body })
  expect(reply.headers['x-amzn-requestid']).toMatch(/^[\da-f-]{36}$/)
})

test.each(hello)('%s answers HEAD with a head alone', async (name) => {
  expect(await of(name).send('/hello', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
})

test.each(echoes)('%s echoes bytes as they are, of a length that is said and of one that is not', async (name) => {
  const body = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 31) % 256))
  const method = 'POST'
  const said = await of(name).send('/echo', { method, body, headers: ['content-length', String(body.length)] })
  expect(body.equals(said.bytes)).toBe(true)
  const chunked = await of(name).send('/echo', { method, body, headers: ['transfer-encoding', 'chunked'] })
  expect(body.equals(chunked.bytes)).toBe(true)
})

test.each(echoes)('%s echoes an empty body', async (name) => {
  const reply = await of(name).send('/echo', { method: 'POST', headers: ['content-length', '0'] })
  expect(reply).toMatchObject({ status: 200, body: '' })
})

test.each(tellers)('%s gets headers as they came, repeated ones too', async (name) => {
  const headers = ['X-One', '1', 'x-two', 'a', 'x-two', 'b', 'cookie', 'c=1; d=2']
  const { body } = await of(name).send('/headers', { headers })
  const lines = body.toLowerCase().split('\n')
  expect(lines).toEqual(expect.arrayContaining(['x-one: 1', 'cookie: c=1; d=2', 'x-forwarded-for: 127.0.0.1']))
  expect(lines.filter((line) => line.startsWith('x-two:')).join()).toMatch(/a.*b/)
})

test('C hands the bytes of a header on as they are', async () => {
  const { bytes } = await of('c').send('/headers', { headers: ['x-latin', 'caf\u00e9\u00ff'] })
  expect(bytes.toString('latin1')).toContain('x-latin: caf\u00e9\u00ff\n')
})

test('what a client claims of itself does not pass for the host’s word', async () => {
  const headers = ['x-forwarded-for', '198.51.100.7', 'x-forwarded-host', 'evil.test', 'x-thaw-account', '1']
  const { body } = await of('c').send('/headers', { headers })
  expect(body).toContain('x-forwarded-for: 198.51.100.7, 127.0.0.1\n')
  expect(body).not.toMatch(/evil|x-thaw/)
})

test('StarlingMonkey sends two cookies, and they stay two', async () => {
  const { headers } = await of('starlingmonkey').send('/headers')
  expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'x-one': '1' })
})

test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT'])(
  'StarlingMonkey is told method, path and query of %s',
  async (method) => {
    const reply = await of('starlingmonkey').send('/request?a=1&b=%2F', { method })
    const { host } = of('starlingmonkey')
    expect(JSON.parse(reply.body)).toMatchObject({
      method,
      path: '/request',
      url: expect.stringContaining('?a=1&b=%2F'),
    })
    expect(reply.body).toContain(host)
  },
)

test.each<[Guest, number]>([
  ['c', 201],
  ['c', 404],
  ['c', 500],
  ['starlingmonkey', 418],
])('%s sets the status %i', async (name, status) => {
  expect(await of(name).send(`/status/${status}`)).toMatchObject({ status })
})

test.each<[string, number, string]>([
  ['no-body3', 204, '/'],
  ['quickjs', 204, '/empty'],
])('%s has a response without a body', async (name, status, path) => {
  expect(await of(name).send(path)).toMatchObject({ status, body: '' })
})

test('StarlingMonkey sees the variables of its configuration and no others', async () => {
  const { body } = await of('starlingmonkey').send('/env')
  expect(JSON.parse(body)).toEqual({ COLOR: 'blue' })
})

test('each invocation begins with the snapshot', async () => {
  for (let at = 0; at < 3; at++) expect((await of('starlingmonkey').send('/visits')).body).toBe('{"visits":1}')
  const random = async () => (await of('starlingmonkey').send('/random')).body
  expect(await random()).not.toBe(await random())
})

describe('a route', () => {
  const ask = (name: string, path: string, method = 'GET') =>
    of(name).send(path, { method, host: 'shop.test', body: method === 'GET' ? undefined : 'x' })

  beforeAll(async () => {
    const add = (FunctionName: string, Path: string, Methods?: string[]) =>
      http.api('POST', '/2026-11-22/routes', { Host: 'shop.test', Path, Methods, FunctionName, AuthType: 'NONE' })
    await add('starlingmonkey', '/request')
    await add('echo3', '/echo', ['POST'])
    await add('c', '/*')
  })

  test('leads to the component that is the most specific', async () => {
    expect((await ask('c', '/hello')).body).toBe('hello from c\n')
    expect((await ask('c', '/echo', 'POST')).body).toBe('x')
    const { url } = JSON.parse((await ask('c', '/request?q=1')).body)
    expect(url).toBe('http://shop.test/request?q=1')
  })
})

describe('versions of WASI', () => {
  // The other guests speak 0.2.0 (C, AssemblyScript), 0.2.10 and 0.2.12 (StarlingMonkey) and 0.3.0 (QuickJS).
  test('0.2.9 is as good as 0.2.0', async () => {
    const component = withText(await watHttpGuest('0.2', 'hello'), '@0.2.0', '@0.2.9')
    expect((await (await http.deploy('v0-2-9', component)).send()).body).toBe('hello from wat\n')
  })

  test.each<[string, string, RegExp]>([
    ['a release candidate', 'wasi:http/types@0.3.0-rc-2026-03-15', /release candidates.*types@0\.3\.0-rc-2026-03-15/],
    ['a later one', 'wasi:http/types@0.3.1', /wasi:http\/types@0\.3\.1/],
    ['an interface that there is not', 'wasi:junk/types@0.3.0', /wasi:junk\/types@0\.3\.0/],
  ])('%s is refused at deploy, by name', async (what, name, reason) => {
    const component =
      what === 'a release candidate'
        ? await parse(`(component (core module) (import "${name}" (instance)))`)
        : withText(await watHttpGuest('0.3', 'hello'), 'wasi:http/types@0.3.0', name)
    const FunctionName = what.replaceAll(' ', '-')
    await http.server.client.send(
      new CreateFunctionCommand({
        FunctionName,
        Role: role,
        Handler: 'any',
        Runtime: 'provided.component' as never,
        Code: { ZipFile: component },
      }),
    )
    const state = await vi.waitFor(
      async () => {
        const found = await http.server.client.send(new GetFunctionConfigurationCommand({ FunctionName }))
        expect(found.State).toBe('Failed')
        return found
      },
      { timeout: 20_000 },
    )
    expect(state.StateReason).toMatch(reason)
  })
})
