/** Making, changing and removing queues. */
import type { Limits } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import type { QueueRecord, QueueStore } from '../../store/queues.ts'
import { formatQueueArn, parseQueueArn, type QueueName } from './arn.ts'
import { applyAttributes, defaultAttributes, formatAttributes } from './attributes.ts'
import { missingQueue, QueueError } from './errors.ts'
import { assertRedrive } from './redrive.ts'
import type { QueuePage, QueueService } from './service.ts'

export interface ManagementOptions {
  store: QueueStore
  region: string
  limits: Pick<Limits, 'queueMessageBytes'>
  /** ms since the epoch. */
  now: () => number
  /** A queue or what was in it is gone. */
  emptied: (queueId: number) => void
}

type Management = Pick<
  QueueService,
  | 'arnOf'
  | 'get'
  | 'create'
  | 'list'
  | 'listSources'
  | 'attributes'
  | 'setAttributes'
  | 'setTags'
  | 'purge'
  | 'remove'
  | 'counts'
>

/** AWS: one purge of a queue in 60 s. */
const purgeIntervalMs = 60_000

export function createManagement({ store, region, limits, now, emptied }: ManagementOptions): Management {
  const arnOf = (queue: QueueName): string => formatQueueArn(region, queue)

  const look = async (arn: string): Promise<QueueRecord | undefined> => {
    const name = parseQueueArn(region, arn)
    return name === undefined ? undefined : store.getQueue(name.accountId, name.queueName)
  }
  const get = async (arn: string): Promise<QueueRecord> => {
    const queue = await look(arn)
    if (queue === undefined) throw missingQueue()
    return queue
  }

  const assertTarget = async (arn: string, { redrive, fifo }: QueueRecord['attributes']): Promise<void> => {
    if (redrive === undefined) return
    const target = await look(redrive.deadLetterTargetArn)
    // Only queues of the account: another's are as good as not there.
    const own = target?.accountId === parseQueueArn(region, arn)?.accountId ? target : undefined
    assertRedrive(redrive, { arn, fifo }, own?.attributes)
  }

  /** Again from the start if another change came between. */
  const update = async (
    arn: string,
    change: (queue: QueueRecord) => Promise<Parameters<QueueStore['updateQueue']>[2]>,
  ): Promise<void> => {
    for (;;) {
      const queue = await get(arn)
      try {
        await store.updateQueue(queue.queueId, queue.revision, await change(queue))
        return
      } catch (error) {
        if (!(error instanceof ThawError && error.code === 'PreconditionFailed')) throw error
      }
    }
  }

  const counts = async ({ queueId, attributes }: QueueRecord) =>
    store.counts(queueId, now(), now() - attributes.retentionSeconds * 1_000)

  const page = (queues: QueueRecord[], limit: number): QueuePage => {
    const shown = queues.slice(0, limit)
    return { queues: shown, next: queues.length > limit ? shown.at(-1)?.queueName : undefined }
  }

  const create: Management['create'] = async (name, map, tags) => {
    const existing = await store.getQueue(name.accountId, name.queueName)
    if (existing !== undefined) {
      assertSame(existing, map, limits.queueMessageBytes)
      return existing
    }
    const fifo = /^true$/i.test(map.FifoQueue ?? '')
    assertName(name.queueName, fifo)
    const bytes = limits.queueMessageBytes
    const attributes = applyAttributes(map, defaultAttributes(fifo, bytes), bytes)
    await assertTarget(arnOf(name), attributes)
    try {
      return await store.createQueue({ ...name, attributes, tags, createdAt: now() })
    } catch (error) {
      if (error instanceof ThawError && error.code === 'ResourceConflict') return create(name, map, tags)
      throw error
    }
  }

  return {
    arnOf,
    get,
    create,

    async list({ accountId, prefix, after, limit }) {
      return page(await store.listQueues({ accountId, prefix, after, limit: limit + 1 }), limit)
    },

    async listSources(arn, { after, limit }) {
      const { accountId } = await get(arn)
      const query = { accountId, prefix: '', after, limit: limit + 1, deadLetterTargetArn: arn }
      return page(await store.listQueues(query), limit)
    },

    async attributes(arn) {
      const queue = await get(arn)
      const { visible, inFlight, delayed } = await counts(queue)
      return {
        QueueArn: arn,
        ApproximateNumberOfMessages: String(visible),
        ApproximateNumberOfMessagesNotVisible: String(inFlight),
        ApproximateNumberOfMessagesDelayed: String(delayed),
        CreatedTimestamp: String(Math.floor(queue.createdAt / 1_000)),
        LastModifiedTimestamp: String(Math.floor(queue.modifiedAt / 1_000)),
        ...formatAttributes(queue.attributes),
      }
    },

    setAttributes: (arn, map) =>
      update(arn, async (queue) => {
        const attributes = applyAttributes(map, queue.attributes, limits.queueMessageBytes)
        if (map.RedrivePolicy !== undefined) await assertTarget(arn, attributes)
        return { attributes, modifiedAt: now() }
      }),

    setTags: (arn, change) => update(arn, async ({ tags }) => ({ tags: change(tags) })),

    async purge(arn) {
      const { queueId, queueName, purgedAt } = await get(arn)
      if (purgedAt !== undefined && now() - purgedAt < purgeIntervalMs)
        throw new QueueError(
          'PurgeQueueInProgress',
          `Only one PurgeQueue operation on ${queueName} is allowed every 60 seconds.`,
        )
      await store.purge(queueId, now())
      emptied(queueId)
    },

    async remove(arn) {
      const { queueId } = await get(arn)
      await store.deleteQueue(queueId)
      emptied(queueId)
    },

    counts: async (arn) => counts(await get(arn)),
  }
}

function assertName(queueName: string, fifo: boolean): void {
  const base = fifo ? queueName.replace(/\.fifo$/, '') : queueName
  const valid = /^[A-Za-z0-9_-]+$/.test(base) && queueName.length <= 80 && (!fifo || base !== queueName)
  if (valid) return
  throw new QueueError(
    'InvalidParameterValue',
    fifo
      ? 'The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with ' +
          '.fifo suffix and be 1 to 80 in length.'
      : 'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length',
  )
}

/** What is not given may differ. */
function assertSame({ attributes }: QueueRecord, map: Readonly<Record<string, string>>, bytes: number): void {
  const current = formatAttributes(attributes)
  const wanted = formatAttributes(applyAttributes(map, attributes, bytes))
  const other = Object.keys(map).find((name) => current[name] !== wanted[name])
  if (other === undefined) return
  throw new QueueError(
    'QueueNameExists',
    `A queue already exists with the same name and a different value for attribute ${other}`,
  )
}
