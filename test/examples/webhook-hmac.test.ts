import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../e2e/server.ts'
import { deploy, urlOf } from './support.ts'

const secret = 'a shared secret'

let server: TestServer
let call: Awaited<ReturnType<typeof urlOf>>
beforeAll(async () => {
  server = await startServer({ workers: 1 })
  await deploy(server, { name: 'webhook-hmac' }, { Environment: { Variables: { WEBHOOK_SECRET: secret } } })
  call = await urlOf(server, 'webhook-hmac')
})
afterAll(() => server[Symbol.asyncDispose]())

const body = JSON.stringify({ action: 'opened', repository: { name: 'thaw ü' } })
const sign = (text: string, key = secret): string => `sha256=${createHmac('sha256', key).update(text).digest('hex')}`
const post = (signature: string, type = 'application/json') =>
  call('POST', '/', { headers: { 'content-type': type, 'x-hub-signature-256': signature }, body })

test('what is signed is taken, as text and as bytes', async () => {
  for (const type of ['application/json', 'application/octet-stream']) {
    const answer = await post(sign(body), type)
    expect({ status: answer.status, body: JSON.parse(answer.body) }).toEqual({
      status: 202,
      body: { accepted: 'opened' },
    })
  }
})

test.each([
  ['another secret', sign(body, 'another secret')],
  ['another body', sign(`${body} `)],
  ['half a signature', sign(body).slice(0, 40)],
  ['no signature', ''],
])('%s is refused', async (_, signature) => {
  expect((await post(signature)).status).toBe(401)
})
