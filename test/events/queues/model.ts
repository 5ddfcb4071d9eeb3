/** What SQS promises of a standard and a FIFO queue, as a model that goes along with a history. */
import assert from 'node:assert/strict'
import { array, constant, constantFrom, integer, nat, oneof, record, type Arbitrary } from 'fast-check'
import { pino } from 'pino'
import { createQueues } from '../../../src/events/queues/queues.ts'
import type { QueueService } from '../../../src/events/queues/service.ts'
import type { ReceivedMessage } from '../../../src/events/queues.ts'
import { openDatabase } from '../../../src/store/database.ts'
import { createSqliteQueues } from '../../../src/store/sqlite-queues.ts'
import { accountId, arnOf, limits, message, region, request } from './support.ts'

const maxReceiveCount = 2
const visibilityMs = 10_000

interface ModelMessage {
  body: string
  group: string
  /** When it can be received: its delay, or the visibility timeout of its last receive. */
  visibleAt: number
  received: number
  handle: string | undefined
  state: 'queued' | 'deleted'
}

const steps = oneof(
  {
    weight: 5,
    arbitrary: record({
      kind: constant('send'),
      group: constantFrom('a', 'b', 'c'),
      delay: constantFrom(0, 0, 5),
    }),
  },
  { weight: 5, arbitrary: record({ kind: constant('receive'), max: integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: record({ kind: constant('delete'), pick: nat() }) },
  {
    weight: 2,
    arbitrary: record({ kind: constant('change'), pick: nat(), seconds: constantFrom(0, 3, 20) }),
  },
  { weight: 3, arbitrary: record({ kind: constant('pass'), seconds: integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: record({ kind: constant('reopen') }) },
)
export type Step = typeof steps extends Arbitrary<infer T> ? T : never

export const histories = array(steps, { minLength: 5, maxLength: 60 })

/** Each step asserts. */
export class History {
  readonly #path: string
  readonly #fifo: boolean
  readonly #source: string
  readonly #dead: string
  readonly #messages: ModelMessage[] = []
  #now = 1_700_000_000_000
  #queues: QueueService | undefined
  #close: () => Promise<void> = async () => {}

  constructor(path: string, fifo: boolean) {
    this.#path = path
    this.#fifo = fifo
    this.#source = arnOf(fifo ? 'source.fifo' : 'source')
    this.#dead = arnOf(fifo ? 'dead.fifo' : 'dead')
  }

  get queues(): QueueService {
    if (this.#queues === undefined) throw new Error('not open')
    return this.#queues
  }

  async open(): Promise<void> {
    const database = openDatabase({ path: this.#path })
    const clock = { now: () => new Date(this.#now) }
    const logger = pino({ level: 'silent' })
    const queues = createQueues({ store: createSqliteQueues(database), config: { region, limits }, clock, logger })
    this.#queues = queues
    this.#close = async () => {
      await queues[Symbol.asyncDispose]()
      database[Symbol.dispose]()
    }
    const name = (arn: string) => ({ accountId, queueName: arn.split(':').at(-1) ?? '' })
    const fifo: Record<string, string> = this.#fifo ? { FifoQueue: 'true', ContentBasedDeduplication: 'true' } : {}
    await queues.create(name(this.#dead), fifo, {})
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: this.#dead, maxReceiveCount })
    const VisibilityTimeout = String(visibilityMs / 1_000)
    await queues.create(name(this.#source), { ...fifo, RedrivePolicy, VisibilityTimeout }, {})
  }

  close(): Promise<void> {
    return this.#close()
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'send':
        return this.#send(step.group, this.#fifo ? 0 : step.delay)
      case 'receive':
        return this.#receive(step.max)
      case 'delete':
        return this.#delete(step.pick)
      case 'change':
        return this.#change(step.pick, step.seconds)
      case 'pass':
        this.#now += step.seconds * 1_000
        return
      default:
        // What is in memory only would be lost.
        if (this.#path === ':memory:') return
        await this.close()
        return this.open()
    }
  }

  async #send(group: string, delaySeconds: number): Promise<void> {
    const body = `m${this.#messages.length}`
    const groupId = this.#fifo ? group : undefined
    await this.queues.send(this.#source, message(body, { groupId, delaySeconds }))
    const visibleAt = this.#now + delaySeconds * 1_000
    this.#messages.push({ body, group, visibleAt, received: 0, handle: undefined, state: 'queued' })
  }

  #find(body: string): ModelMessage {
    const found = this.#messages.find((candidate) => candidate.body === body)
    if (found === undefined) throw new Error(`${body} was never sent`)
    return found
  }

  /** Those that a receive could hand out now; what has been received too often is moved out of the way by it. */
  #receivable(): ModelMessage[] {
    const queued = this.#messages.filter(({ state }) => state === 'queued')
    const blocked = new Set<string>()
    if (this.#fifo) for (const m of queued) if (m.received > 0 && m.visibleAt > this.#now) blocked.add(m.group)
    return queued.filter((m) => m.visibleAt <= this.#now && m.received < maxReceiveCount && !blocked.has(m.group))
  }

  async #receive(max: number): Promise<void> {
    const receivable = this.#receivable()
    const got = await this.queues.receive(this.#source, request({ max }))
    assert.equal(got.length, Math.min(max, receivable.length))
    assert.equal(new Set(got.map(({ body }) => body)).size, got.length)
    for (const { body } of got) assert.ok(receivable.some((m) => m.body === body))
    if (this.#fifo)
      for (const group of new Set(receivable.map((m) => m.group))) {
        const ours = got.filter(({ groupId }) => groupId === group).map(({ body }) => body)
        const first = receivable.filter((m) => m.group === group).slice(0, ours.length)
        assert.deepEqual(
          ours,
          first.map((m) => m.body),
        )
      }
    for (const taken of got) this.#taken(taken)
  }

  #taken({ body, receiveCount, receiptHandle }: ReceivedMessage): void {
    const m = this.#find(body)
    m.received++
    assert.equal(receiveCount, m.received)
    m.visibleAt = this.#now + visibilityMs
    m.handle = receiptHandle
  }

  #pick(pick: number): ModelMessage | undefined {
    const known = this.#messages.filter(({ handle, state }) => handle !== undefined && state === 'queued')
    return known[pick % Math.max(known.length, 1)]
  }

  async #delete(pick: number): Promise<void> {
    const m = this.#pick(pick)
    if (m?.handle === undefined) return
    const expired = m.visibleAt <= this.#now
    // It may have gone to the dead-letter queue already, or not yet.
    if (m.received >= maxReceiveCount && expired) return
    const [error] = await this.queues.deleteBatch(this.#source, [m.handle])
    assert.equal(error === undefined, !(this.#fifo && expired))
    if (error === undefined) m.state = 'deleted'
  }

  async #change(pick: number, seconds: number): Promise<void> {
    const m = this.#pick(pick)
    if (m?.handle === undefined) return
    const inFlight = m.visibleAt > this.#now
    await this.queues.changeVisibilityBatch(this.#source, [{ receiptHandle: m.handle, timeoutSeconds: seconds }])
    if (inFlight) m.visibleAt = this.#now + seconds * 1_000
  }

  /** To the end: every message that was not deleted comes out of one of the two queues, once. */
  async drain(): Promise<void> {
    const finished: string[] = []
    for (let round = 0; round < 1_000; round++) {
      this.#now += visibilityMs * 2
      const source = await this.queues.receive(this.#source, request({ max: 10 }))
      const dead = await this.queues.receive(this.#dead, request({ max: 10 }))
      if (source.length + dead.length === 0) break
      for (const { body } of source) assert.ok(this.#find(body).received < maxReceiveCount)
      for (const { body, deadLetterQueueSourceArn } of dead) {
        assert.ok(this.#find(body).received >= maxReceiveCount)
        assert.equal(deadLetterQueueSourceArn, this.#source)
      }
      for (const [arn, batch] of [
        [this.#source, source],
        [this.#dead, dead],
      ] as const) {
        await this.queues.delete(
          arn,
          batch.map(({ receiptHandle }) => receiptHandle),
        )
        finished.push(...batch.map(({ body }) => body))
      }
    }
    const kept = this.#messages.filter(({ state }) => state === 'queued').map(({ body }) => body)
    assert.deepEqual(finished.toSorted(), kept.toSorted())
    const counts = await Promise.all([this.#source, this.#dead].map((arn) => this.queues.counts(arn)))
    for (const left of counts) assert.deepEqual(left, { visible: 0, inFlight: 0, delayed: 0 })
  }
}
