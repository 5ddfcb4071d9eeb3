import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startHttpServer, type Deployed, type HttpServer } from '../e2e/http/support.ts'
import { zipOf } from '../e2e/server.ts'

const source = join(import.meta.dirname, '..', '..', 'examples', 'streaming-response', 'index.mjs')

let http: HttpServer
let clock: Deployed
beforeAll(async () => {
  http = await startHttpServer()
  const ZipFile = await zipOf({ 'index.mjs': readFileSync(source) })
  const code = { Runtime: 'nodejs24.x' as const, Code: { ZipFile } }
  clock = await http.deploy('clock', new Uint8Array(), { ...code, invokeMode: 'RESPONSE_STREAM' })
})
afterAll(() => http[Symbol.asyncDispose]())

test('ticks come one by one', async () => {
  const { outgoing, response } = clock.open('/?count=3')
  outgoing.end()
  const incoming = await response
  expect(incoming).toMatchObject({ statusCode: 200, headers: { 'content-type': 'text/event-stream' } })
  const pieces: string[] = []
  for await (const piece of incoming) pieces.push(String(piece))
  expect(pieces).toEqual([1, 2, 3].map((tick) => `id: ${tick}\ndata: {"tick":${tick},"of":3}\n\n`))
})

test('a count that is none is refused', async () => {
  expect(await clock.send('/?count=0')).toMatchObject({ status: 400, body: 'count is a number from 1 to 100\n' })
})
