/** The queues themselves on SQLite: names, attributes, tags, and which contents are theirs. */
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import type { Database } from './database.ts'
import { queueAttributesSchema, type QueueRecord, type QueueStore } from './queues.ts'

type Records = Pick<QueueStore, 'createQueue' | 'getQueue' | 'updateQueue' | 'deleteQueue' | 'listQueues' | 'purge'> & {
  /** Within a transaction. Throws `ResourceNotFound`. */
  contentsOf(queueId: number): number
}

const rowSchema = z
  .object({
    queue_id: z.number(),
    account_id: z.string(),
    queue_name: z.string(),
    revision: z.number(),
    attributes: z.string(),
    tags: z.string(),
    created_at: z.number(),
    modified_at: z.number(),
    purged_at: z.number().nullable(),
  })
  .transform((row): QueueRecord => ({
    queueId: row.queue_id,
    accountId: row.account_id,
    queueName: row.queue_name,
    revision: row.revision,
    attributes: queueAttributesSchema.parse(JSON.parse(row.attributes)),
    tags: z.record(z.string(), z.string()).parse(JSON.parse(row.tags)),
    createdAt: row.created_at,
    modifiedAt: row.modified_at,
    purgedAt: row.purged_at ?? undefined,
  }))

const identitySchema = z.object({ queue_id: z.number(), revision: z.number() })
const contentsSchema = z.object({ contents: z.number() })

/** Ours: parsed records kept, so that the hot paths need not parse JSON. Any may be forgotten. */
const keptRecords = 1_000

export function createQueueRecords(db: Database): Records {
  const parsed = new Map<number, QueueRecord>()

  const find = (condition: string, parameters: Record<string, string | number>): QueueRecord | undefined => {
    const identity = db.prepare(`SELECT queue_id, revision FROM queues WHERE ${condition}`).get(parameters)
    if (identity === undefined) return undefined
    const { queue_id: queueId, revision } = identitySchema.parse(identity)
    const kept = parsed.get(queueId)
    if (kept?.revision === revision) return kept
    const record = rowSchema.parse(db.prepare('SELECT * FROM queues WHERE queue_id = ?').get(queueId))
    if (parsed.size >= keptRecords) parsed.clear()
    parsed.set(queueId, record)
    return record
  }

  const byId = (queueId: number): QueueRecord => find('queue_id = :queueId', { queueId }) ?? gone()

  const contentsOf = (queueId: number): number => {
    const row = db.prepare('SELECT contents FROM queues WHERE queue_id = ?').get(queueId)
    return row === undefined ? gone() : contentsSchema.parse(row).contents
  }

  const nextContents = (): number => {
    const next = db.prepare(
      `UPDATE counters SET value = value + 1 WHERE name = 'queue_contents' RETURNING value AS contents`,
    )
    return contentsSchema.parse(next.get()).contents
  }

  const discard = (contents: number): void => {
    db.prepare('INSERT INTO discarded_contents (contents) VALUES (?)').run(contents)
  }

  return {
    contentsOf,

    createQueue: ({ accountId, queueName, attributes, tags, createdAt }) =>
      db.transaction(() => {
        const named = 'account_id = :accountId AND queue_name = :queueName'
        if (find(named, { accountId, queueName }) !== undefined)
          throw new ThawError('ResourceConflict', `There is a queue ${queueName} already.`)
        db.prepare(
          `INSERT INTO queues
             (account_id, queue_name, revision, contents, retention_s, attributes, tags, created_at, modified_at)
           VALUES (:accountId, :queueName, 1, :contents, :retention, :attributes, :tags, :createdAt, :createdAt)`,
        ).run({
          accountId,
          queueName,
          contents: nextContents(),
          retention: attributes.retentionSeconds,
          attributes: JSON.stringify(attributes),
          tags: JSON.stringify(tags),
          createdAt,
        })
        return find(named, { accountId, queueName }) ?? gone()
      }),

    getQueue: (accountId, queueName) =>
      db.read(() => find('account_id = :accountId AND queue_name = :queueName', { accountId, queueName })),

    updateQueue: (queueId, expectedRevision, change) =>
      db.transaction(() => {
        const record = byId(queueId)
        if (record.revision !== expectedRevision)
          throw new ThawError('PreconditionFailed', `The queue ${record.queueName} has changed.`)
        const { attributes, tags, modifiedAt } = { ...record, ...change }
        db.prepare(
          `UPDATE queues SET revision = revision + 1, attributes = :attributes, retention_s = :retention,
             tags = :tags, modified_at = :modifiedAt WHERE queue_id = :queueId`,
        ).run({
          queueId,
          attributes: JSON.stringify(attributes),
          retention: attributes.retentionSeconds,
          tags: JSON.stringify(tags),
          modifiedAt,
        })
        return byId(queueId)
      }),

    deleteQueue: (queueId) =>
      db.transaction(() => {
        discard(contentsOf(queueId))
        db.prepare('DELETE FROM queues WHERE queue_id = ?').run(queueId)
        db.prepare('DELETE FROM deduplications WHERE queue_id = ?').run(queueId)
        parsed.delete(queueId)
      }),

    purge: (queueId, now) =>
      db.transaction(() => {
        discard(contentsOf(queueId))
        db.prepare(
          'UPDATE queues SET contents = :contents, purged_at = :now, revision = revision + 1 WHERE queue_id = :queueId',
        ).run({ queueId, contents: nextContents(), now })
      }),

    listQueues: ({ accountId, prefix, after, limit, deadLetterTargetArn }) =>
      db.read(() =>
        db
          .prepare(
            `SELECT * FROM queues
             WHERE account_id = :accountId AND queue_name > :after
               AND substr(queue_name, 1, length(:prefix)) = :prefix
               AND (:target IS NULL OR attributes ->> '$.redrive.deadLetterTargetArn' = :target)
             ORDER BY queue_name LIMIT :limit`,
          )
          .all({ accountId, prefix, after: after ?? '', limit, target: deadLetterTargetArn ?? null })
          .map((row) => rowSchema.parse(row)),
      ),
  }
}

function gone(): never {
  throw new ThawError('ResourceNotFound', 'The queue does not exist.')
}
