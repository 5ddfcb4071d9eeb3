import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { handler } from './index.mjs'

test('greets whom the event names', async () => {
  const event = JSON.parse(readFileSync(new URL('event.json', import.meta.url), 'utf8'))
  assert.equal((await handler(event, { awsRequestId: 'test' })).message, 'Hello, Thaw!')
})
