import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { defaultAttributes } from '../../src/events/queues/attributes.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createSqliteQueues } from '../../src/store/sqlite-queues.ts'
import { describeQueueStore, type OpenQueues } from './queues.ts'
import { temporaryFolder } from './temp.ts'

const folder = mkdtempSync(join(tmpdir(), 'thaw-queues-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function openQueues(path: string): OpenQueues {
  const database = openDatabase({ path })
  return { store: createSqliteQueues(database), [Symbol.dispose]: () => database[Symbol.dispose]() }
}

let files = 0
describeQueueStore('sqlite, in memory', async () => openQueues(':memory:'))
describeQueueStore('sqlite, file', async () => openQueues(join(folder, `${files++}`, 'thaw.sqlite')))

describe('sqlite file of queues', () => {
  it('leaves no row behind of queues that are gone', async () => {
    const path = join(await temporaryFolder(), 'thaw.sqlite')
    {
      using opened = openQueues(path)
      const { store } = opened
      const attributes = defaultAttributes(true, 1_024)
      const accountId = '111111111111'
      const { queueId } = await store.createQueue({
        accountId,
        queueName: 'a.fifo',
        attributes,
        tags: {},
        createdAt: 1,
      })
      const sent = { sentAt: 1, visibleAt: 1, hops: 0, attributes: {}, traceHeader: undefined, body: 'x' }
      const draft = { ...sent, messageId: 'm', groupId: 'g', deduplicationId: 'd' }
      await store.send(queueId, [draft], { scope: 'queue', expiresAt: 2 })
      await store.deleteQueue(queueId)
      while ((await store.sweep(1, 10)) > 0);
    }
    using db = new DatabaseSync(path)
    for (const table of ['queues', 'messages', 'message_groups', 'deduplications', 'discarded_contents'])
      expect({ table, ...db.prepare(`SELECT count(*) AS rows FROM ${table}`).get() }).toEqual({ table, rows: 0 })
  })

  it('loses nothing that was acknowledged when the process is killed', async () => {
    const path = join(await temporaryFolder(), 'thaw.sqlite')
    const script = join(import.meta.dirname, 'children/write-messages.ts')
    const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      if (printed.length > 2_000) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const acknowledged = printed.slice(0, printed.lastIndexOf('\n')).split('\n')
    expect(acknowledged.length).toBeGreaterThan(100)

    using opened = openQueues(path)
    const queue = await opened.store.getQueue('111111111111', 'killed')
    const { messages } = await opened.store.receive({
      queueId: queue?.queueId ?? 0,
      now: 1,
      max: 1_000_000,
      hiddenUntil: 2,
      ordered: false,
      expiredAt: 0,
      redrive: undefined,
      cancelled: () => false,
      inFlightLimit: undefined,
    })
    const stored = new Set(messages.map(({ body }) => body))
    expect(acknowledged.filter((body) => !stored.has(body))).toEqual([])
  })
})
