import {
  CreateFunctionCommand,
  InvokeCommand,
  PutFunctionEventInvokeConfigCommand,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda'
import { CreateQueueCommand, DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { zipOf } from '../e2e/server.ts'
import { inParallel, startCollector, startVictim, untilAccepted } from './support.ts'

const total = 10_000
/** These fail whatever happens: they belong into the failure destination. */
const isPoison = (id: number): boolean => id % 100 === 7

const source = `export const handler = async (event) => {
  if (event.id % 100 === 7) throw new Error('poison')
  return event.id
}`

const eventSchema = z.object({ id: z.number(), attempt: z.number() })
const recordSchema = z.object({
  requestPayload: eventSchema,
  requestContext: z.object({ condition: z.string(), approximateInvokeCount: z.number() }),
})

it('10,000 asynchronous events outlive a server that is killed every two seconds', async () => {
  await using collector = await startCollector()
  await using victim = await startVictim({
    limits: { asyncRetryMs: 500, asyncBackoffMs: 100, asyncBackoffMaxMs: 2_000 },
  })
  const { lambda, sqs } = victim
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: 'target',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/any',
      Code: { ZipFile: await zipOf({ 'index.mjs': source }) },
      Environment: { Variables: { COLLECTOR: String(collector.port) } },
    }),
  )
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60 }, { FunctionName: 'target' })
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'failed' }))
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName: 'target',
      MaximumRetryAttempts: 1,
      DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:us-east-1:000000000000:failed' } },
    }),
  )

  const accepted = new Set<string>()
  const killing = victim.startKilling(2_000)
  await inParallel(total, 4, async (id) => {
    // An attempt that failed may have been accepted: each has a name of its own, and only those with a 202 must arrive.
    const name = await untilAccepted(async (attempt) => {
      const Payload = JSON.stringify({ id, attempt })
      await lambda.send(new InvokeCommand({ FunctionName: 'target', InvocationType: 'Event', Payload }))
      return `${id}.${attempt}`
    })
    accepted.add(name)
  })

  const reached = new Map<string, number>()
  const failed = new Map<string, number>()
  const count = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
  const nameOf = ({ id, attempt }: z.infer<typeof eventSchema>): string => `${id}.${attempt}`
  const poisoned = (name: string): boolean => isPoison(Number.parseInt(name, 10))
  const missing = (): string[] =>
    [...accepted].filter((name) => !reached.has(name) || (poisoned(name) && !failed.has(name)))
  for (const { payload } of collector.seen) count(reached, nameOf(eventSchema.parse(payload)))
  collector.onSeen = ({ payload }) => count(reached, nameOf(eventSchema.parse(payload)))
  // A few kills more while what is left is delivered.
  while (victim.kills.controller < 4) await untilAccepted(() => lambda.config.region().then(() => drain()))
  await killing.stop()
  while (missing().length > 0) await drain()

  async function drain(): Promise<void> {
    try {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      )
      for (const { Body } of Messages) {
        const { requestPayload, requestContext } = recordSchema.parse(JSON.parse(Body ?? ''))
        count(failed, nameOf(requestPayload))
        expect(requestContext.condition).toBe('RetriesExhausted')
      }
      if (Messages.length === 0) return
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }))
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))
    } catch (error) {
      if (error instanceof z.ZodError || (error instanceof Error && error.name === 'AssertionError')) throw error
      // Down for the moment.
    }
  }

  const extra = (counts: Map<string, number>, expected: number): number =>
    [...counts.values()].reduce((sum, times) => sum + Math.max(0, times - expected), 0)
  const healthy = new Map([...reached].filter(([name]) => !poisoned(name)))
  process.stdout.write(
    `crash: ${accepted.size} events accepted over ${victim.kills.controller} kills of the controller and ${victim.kills.worker} of workers; ` +
      `all delivered, ${extra(healthy, 1)} more than once; ${failed.size} in the failure queue, ${extra(failed, 1)} of them twice\n`,
  )
  expect(accepted.size).toBe(total)
  expect(missing()).toEqual([])
  // What is good is not given up on.
  expect([...failed.keys()].filter((name) => !poisoned(name))).toEqual([])
  expect(victim.kills.controller).toBeGreaterThanOrEqual(3)
  expect(victim.kills.worker).toBeGreaterThanOrEqual(2)
}, 240_000)
