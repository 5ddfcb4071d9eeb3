/** Sends for ever, 16 at a time, and prints each body once it is acknowledged. Run by queues.test.ts, which kills it. */
import { writeSync } from 'node:fs'
import { defaultAttributes } from '../../../src/events/queues/attributes.ts'
import { openDatabase } from '../../../src/store/database.ts'
import { createSqliteQueues } from '../../../src/store/sqlite-queues.ts'

const store = createSqliteQueues(openDatabase({ path: process.argv[2] ?? '' }))
const { queueId } = await store.createQueue({
  accountId: '111111111111',
  queueName: 'killed',
  attributes: defaultAttributes(false, 1_024),
  tags: {},
  createdAt: 1,
})
const nothing = { groupId: undefined, deduplicationId: undefined, traceHeader: undefined, attributes: {}, hops: 0 }
let next = 0
const sendForever = async (): Promise<never> => {
  for (;;) {
    const body = `m${next++}`
    await store.send(queueId, [{ ...nothing, messageId: body, body, sentAt: 1, visibleAt: 1 }], undefined)
    writeSync(1, `${body}\n`)
  }
}
await Promise.all(Array.from({ length: 16 }, sendForever))
