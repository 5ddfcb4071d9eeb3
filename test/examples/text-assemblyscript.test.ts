import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../e2e/server.ts'
import { compileFunction } from '../../guest-sdk/assemblyscript/testing/load.ts'
import { deploy, urlOf } from './support.ts'

const name = 'text-assemblyscript'
const text = 'Frozen water melts; melted water was frozen water, before.'
const summary = {
  slug: 'on-thawing-ice',
  words: 9,
  readingMinutes: 1,
  keywords: [
    { word: 'water', count: 3 },
    { word: 'frozen', count: 2 },
  ],
}

let server: TestServer
beforeAll(async () => {
  server = await startServer({ workers: 1 })
})
afterAll(() => server[Symbol.asyncDispose]())

test('deployed as source, it answers an event', async () => {
  const Environment = { Variables: { KEYWORDS: '2' } }
  await deploy(server, { name, runtime: 'assemblyscript' }, { Environment })
  const answer = await server.invoke(name, { title: 'On Thawing: Ice', text }, { LogType: 'Tail' })
  expect(answer.payload).toEqual(summary)
  expect(answer.log).toContain('\tINFO\t9 words\n')
})

test('its other handler answers HTTP', async () => {
  const folder = { name, runtime: 'assemblyscript' as const }
  const Environment = { Variables: { KEYWORDS: '2' } }
  await deploy(server, folder, { FunctionName: 'text-http', Handler: 'index.http', Environment })
  const call = await urlOf(server, 'text-http')
  const answer = await call('POST', '/?title=On%20Thawing:+Ice', {
    headers: { 'content-type': 'text/plain' },
    body: text,
  })
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
  expect(JSON.parse(answer.body)).toEqual(summary)
  expect(await call('GET', '/')).toMatchObject({ status: 405, headers: { allow: 'POST' } })
})

test('its unit test needs no server', async () => {
  const folder = join(import.meta.dirname, '..', '..', 'examples', name)
  const { start } = await compileFunction({ folder })
  const guest = await start({ environment: { KEYWORDS: '1' } })
  expect(guest.invoke({ title: 'Ice', text }).value).toMatchObject({
    slug: 'ice',
    keywords: [{ word: 'water', count: 3 }],
  })
  expect((await start()).invoke({ title: 'Ice' }).log).toContain('JSON: expected a string, found nothing')
})
