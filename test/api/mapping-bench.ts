/** A server with a queue and a function whose answers a test gives, and what it was handed, compared with AWS's events. */
import { expect, vi } from 'vitest'
import { z } from 'zod'
import type { EventInvocation, EventResult } from '../../src/events/invoking.ts'
import { createActive } from './prepared.ts'
import { account, region } from './recorded.ts'
import { startApi, type ApiServer } from './server.ts'

export const mappingsPath = '/2015-03-31/event-source-mappings/'
export const queueArn = (name: string): string => `arn:aws:sqs:${region}:${account}:${name}`
export const names = { '<resource:1>': 'q', '<resource:2>': 'f', '<queue-url:1>': 'http://q' }

export interface Bench {
  api: ApiServer
  /** Events that the function was given. */
  events: unknown[]
  send(
    body: string,
    fifo?: { groupId: string; deduplicationId: string },
    queue?: string,
  ): Promise<{ messageId: string }>
  create(settings?: Record<string, unknown>, queue?: string): ReturnType<ApiServer['request']>
  enabled(answer: { body: unknown }): Promise<{ status: number; headers: Headers; body: unknown }>
}

/** A server with the function `f`, and the queue `q`. `answers` are told to invocations in their order. */
export async function start(
  { answers = [], timeout = 30, ...settings }: { answers?: unknown[]; timeout?: number; fail?: number } = {},
  attributes: Record<string, string> = {},
  queue = 'q',
) {
  const events: unknown[] = []
  const invoke = async ({ payload }: EventInvocation): Promise<EventResult> => {
    events.push(JSON.parse(Buffer.from(payload).toString()))
    const kind = events.length <= (settings.fail ?? 0) ? 'error' : 'success'
    const answer = Buffer.from(JSON.stringify(answers[events.length - 1] ?? null))
    return { kind, payload: answer, executedVersion: '$LATEST' }
  }
  const api = await startApi({ invoke })
  await createActive(api, 'f', { Timeout: timeout })
  await api.queues.create({ accountId: account, queueName: queue }, attributes, {})
  await api.start()
  const bench: Bench = {
    api,
    events,
    send: (body, fifo, to = queue) =>
      api.queues.send(queueArn(to), {
        body,
        attributes: {},
        delaySeconds: undefined,
        groupId: fifo?.groupId,
        deduplicationId: fifo?.deduplicationId,
        hops: 0,
      }),
    create: (more = {}, from = queue) =>
      api.request('POST', mappingsPath, { FunctionName: 'f', EventSourceArn: queueArn(from), ...more }),
    async enabled(answer) {
      const { UUID } = z.object({ UUID: z.string() }).parse(answer.body)
      return eventually(async () => {
        const got = await api.request('GET', `${mappingsPath}${UUID}`)
        expect(got.body).toMatchObject({ State: 'Enabled' })
        return got
      })
    },
  }
  return { ...bench, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

/** Once it holds. */
export const eventually = <T>(attempt: () => Promise<T>): Promise<T> =>
  vi.waitFor(attempt, { timeout: 10_000, interval: 20 })

export const received = (bench: Bench, count: number) =>
  eventually(async () => {
    expect(bench.events.length).toBeGreaterThanOrEqual(count)
    return bench.events
  })

/** What is recorded of an event, to be compared with one by `toEqual`. */
function eventExpectation(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(eventExpectation)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, eventExpectation(member)]))
  if (typeof value !== 'string') return value
  const text = value.replaceAll('<partition>', 'aws').replaceAll('<region>', region).replaceAll('<resource:1>', 'q')
  return text.includes('<') || text === 'sender-id' || text === 'sent-timestamp' ? expect.any(String) : text
}

export interface SqsEvent {
  Records: Record<string, unknown>[]
}
export const sqsEvent: z.ZodType<SqsEvent> = z.object({ Records: z.array(z.record(z.string(), z.unknown())) })

/** In the form that the recorder kept: JSON bodies parsed where it parsed them. */
function eventSeen(event: unknown, like: unknown): unknown {
  const shapes = sqsEvent.parse(like).Records
  return {
    Records: sqsEvent.parse(event).Records.map((record, at) => {
      const shape = shapes[at] ?? {}
      // AWS has it since 2024.
      const members = Object.entries(record).filter(([key]) => key !== 'md5OfMessageAttributes' || key in shape)
      const parsed = typeof shape.body === 'object' ? { body: JSON.parse(z.string().parse(record.body)) } : {}
      return Object.assign(Object.fromEntries(members), parsed)
    }),
  }
}

export const expectEvent = (event: unknown, like: unknown): void =>
  expect(eventSeen(event, like)).toEqual(eventExpectation(like))
