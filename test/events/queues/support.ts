/** Queues over a store in memory (or a file), with a clock that only tests move. */
import { onTestFinished } from 'vitest'
import { pino } from 'pino'
import type { AttributeMap } from '../../../src/events/queues/attributes.ts'
import { createQueues } from '../../../src/events/queues/queues.ts'
import type { QueueService } from '../../../src/events/queues/service.ts'
import type { OutgoingMessage, ReceivedMessage, ReceiveRequest } from '../../../src/events/queues.ts'
import { openDatabase } from '../../../src/store/database.ts'
import { createSqliteQueues } from '../../../src/store/sqlite-queues.ts'

export const accountId = '111111111111'
export const region = 'us-east-1'
export const limits = { queueMessageBytes: 1_048_576, queueInFlight: 120_000 }
export const arnOf = (queueName: string) => `arn:aws:sqs:${region}:${accountId}:${queueName}`

export const message = (body: string, change: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  body,
  attributes: {},
  delaySeconds: undefined,
  groupId: undefined,
  deduplicationId: undefined,
  hops: 0,
  ...change,
})

export const request = (change: Partial<ReceiveRequest> = {}): ReceiveRequest => ({
  max: 10,
  visibilityTimeoutSeconds: undefined,
  waitMs: 0,
  signal: undefined,
  ...change,
})

export interface Bench {
  queues: QueueService
  /** Returns the ARN. */
  create(queueName: string, attributes?: AttributeMap): Promise<string>
  send(arn: string, body: string, change?: Partial<OutgoingMessage>): Promise<string>
  receive(arn: string, change?: Partial<ReceiveRequest>): Promise<ReceivedMessage[]>
  bodies(arn: string, change?: Partial<ReceiveRequest>): Promise<string[]>
  attribute(arn: string, name: string): Promise<string | undefined>
  advance(seconds: number): void
}

export interface BenchOptions {
  path?: string
  limits?: Partial<typeof limits>
  /** Undefined: a clock of its own that stands still until `advance`. */
  now?: () => Date
}

export function openBench(options: BenchOptions = {}): Bench {
  const database = openDatabase({ path: options.path ?? ':memory:' })
  let time = 1_700_000_000_000
  const queues = createQueues({
    store: createSqliteQueues(database),
    config: { region, limits: { ...limits, ...options.limits } },
    clock: { now: options.now ?? (() => new Date(time)) },
    logger: pino({ level: 'silent' }),
  })
  onTestFinished(async () => {
    await queues[Symbol.asyncDispose]()
    database[Symbol.dispose]()
  })
  const receive = (arn: string, change: Partial<ReceiveRequest> = {}) => queues.receive(arn, request(change))
  return {
    queues,
    async create(queueName, attributes = {}) {
      const fifo: AttributeMap = queueName.endsWith('.fifo') ? { FifoQueue: 'true' } : {}
      return queues.arnOf(await queues.create({ accountId, queueName }, { ...fifo, ...attributes }, {}))
    },
    send: async (arn, body, change = {}) => (await queues.send(arn, message(body, change))).messageId,
    receive,
    bodies: async (arn, change) => (await receive(arn, change)).map(({ body }) => body),
    attribute: async (arn, name) => (await queues.attributes(arn))[name],
    advance(seconds) {
      time += seconds * 1_000
    },
  }
}
