/** Every template from `thaw init` to an answer. */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createQuickBuilder } from '../../src/build/quick/quick-builder.ts'
import { startLocalServer, type LocalServer } from '../../src/cli/project/local-server.ts'
import { thaw } from './support.ts'

const home = mkdtempSync(join(tmpdir(), 'thaw-test-'))
let server: LocalServer
beforeAll(async () => {
  server = await startLocalServer({ config: { port: 0 }, createBuilder: createQuickBuilder })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

/** Over the function's URL; as `*.localhost` may not resolve here, by address and Host. */
async function http(url: string, method: string, path: string, body?: string) {
  const outgoing = request(server.url + path, { method, headers: { host: new URL(url).host } }).end(body)
  const [response] = await once(outgoing, 'response')
  return [response.statusCode, JSON.parse(await text(response))]
}

async function deployed(template: string): Promise<{ url: string; invoked: unknown }> {
  const options = { cwd: home, env: { THAW_ENDPOINT: server.url } }
  await thaw(['init', template, '--template', template], options)
  if (template === 'hono') {
    // In place of npm install.
    mkdirSync(join(home, template, 'node_modules'))
    symlinkSync(
      join(import.meta.dirname, '..', '..', 'node_modules', 'hono'),
      join(home, template, 'node_modules', 'hono'),
    )
  }
  const made = await thaw(['deploy', template, '--json'], options)
  expect([made.code, made.stderr]).toEqual([0, ''])
  const invoked = await thaw(['invoke', template, '--event', join(template, 'event.json')], options)
  return { url: JSON.parse(made.stdout).functionUrl, invoked: JSON.parse(invoked.stdout) }
}

test.each([
  ['event', { message: 'Hello, Thaw!', requestId: expect.any(String) }],
  ['queue-consumer', { batchItemFailures: [{ itemIdentifier: '2' }] }],
  ['assemblyscript', { message: 'Hello, Thaw!' }],
])('%s', async (template, answer) => {
  expect((await deployed(template)).invoked).toEqual(answer)
})

test.each(['http', 'hono'])('%s', async (template) => {
  const { url, invoked } = await deployed(template)
  expect(invoked).toMatchObject({ statusCode: 200, body: '{"body":"ping"}' })
  expect(await http(url, 'GET', '/')).toEqual([200, { message: `Hello from ${template}` }])
  expect(await http(url, 'POST', '/echo', 'ü')).toEqual([200, { body: 'ü' }])
  expect(await http(url, 'GET', '/nothing')).toEqual([404, { message: 'There is no GET /nothing' }])
})
