import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHttpServer, type Deployed, type HttpServer } from '../e2e/http/support.ts'
import { zipOfExample } from './support.ts'

let http: HttpServer
let fn: Deployed
beforeAll(async () => {
  http = await startHttpServer()
  fn = await http.deploy('server-sent-events', await zipOfExample({ name: 'server-sent-events' }), {
    Runtime: 'nodejs24.x',
    Environment: { Variables: { EVERY_MS: '5' } },
  })
})
afterAll(() => http[Symbol.asyncDispose]())

const asked = ['accept', 'text/event-stream']

/** The response has no end: what comes of it came before it was over. */
function firstEvents(incoming: IncomingMessage, count: number): Promise<string[]> {
  return new Promise((resolve) => {
    let text = ''
    incoming.on('data', (piece) => {
      text += String(piece)
      const events = text.split('\n\n')
      if (events.length > count) resolve(events.slice(0, count))
    })
  })
}

test('events come for as long as the client stays, and its leaving ends the function', async () => {
  const { response, outgoing } = fn.open('/', { headers: asked })
  outgoing.end()
  const incoming = await response
  expect([incoming.statusCode, incoming.headers['content-type']]).toEqual([200, 'text/event-stream'])
  expect(await firstEvents(incoming, 3)).toEqual([1, 2, 3].map((id) => `id: ${id}\ndata: {"tick":${id}}`))
  expect(incoming.complete).toBe(false)
  outgoing.destroy()
  await fn.logged(/Runtime\.Aborted/)
})

test('a client that comes again is told what it has missed', async () => {
  const { response, outgoing } = fn.open('/', { headers: [...asked, 'last-event-id', '41'] })
  outgoing.end()
  expect(await firstEvents(await response, 1)).toEqual(['id: 42\ndata: {"tick":42}'])
  outgoing.destroy()
  expect((await fn.send('/')).status).toBe(406)
  expect((await fn.send('/', { headers: [...asked, 'last-event-id', 'x'] })).status).toBe(400)
})
