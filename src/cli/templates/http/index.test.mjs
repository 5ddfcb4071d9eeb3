import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { handler } from './index.mjs'

const event = JSON.parse(readFileSync(new URL('event.json', import.meta.url), 'utf8'))

test('answers with what it was sent', async () => {
  const { statusCode, body } = await handler(event)
  assert.deepEqual([statusCode, JSON.parse(body)], [200, { body: 'ping' }])
})

test('knows what it does not have', async () => {
  const http = { method: 'GET', path: '/nothing' }
  assert.equal((await handler({ ...event, requestContext: { http } })).statusCode, 404)
})
