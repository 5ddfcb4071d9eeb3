import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { handler } from './index.mjs'

test('names the messages that failed, and only those', async () => {
  const event = JSON.parse(readFileSync(new URL('event.json', import.meta.url), 'utf8'))
  assert.deepEqual(await handler(event), { batchItemFailures: [{ itemIdentifier: '2' }] })
})
