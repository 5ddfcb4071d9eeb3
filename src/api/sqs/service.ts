/**
 * SQS's API over Thaw's own queues: its JSON protocol, which `@aws-sdk/client-sqs` speaks, and for older clients its
 * query protocol, translated at the edge.
 */
import { z } from 'zod'
import type { Logger } from 'pino'
import { ThawError } from '../../errors.ts'
import { QueueError } from '../../events/queues/errors.ts'
import type { QueueService } from '../../events/queues/service.ts'
import type { ApiContext, Service } from '../context.ts'
import { jsonHeaders, sqsErrorAnswer, sqsErrorForm } from './errors.ts'
import { createMessageOperations } from './message-operations.ts'
import { queryAnswer, queryErrorAnswer } from './query-answers.ts'
import { queryRequest } from './query-requests.ts'
import { createQueueOperations, type SqsOperation } from './queue-operations.ts'

export interface SqsServiceOptions {
  queues: QueueService
  logger: Logger
}

const target = /^AmazonSQS\.([A-Za-z]+)$/
const queuePath = /^\/\d{12}\/[^/]+\/?$/
const jsonObject = z.record(z.string(), z.unknown())

/** Known to SQS, not done here. */
const unsupported = [
  'AddPermission',
  'RemovePermission',
  'StartMessageMoveTask',
  'CancelMessageMoveTask',
  'ListMessageMoveTasks',
]

export function createSqsService({ queues, logger }: SqsServiceOptions): Service {
  const operations = new Map<string, SqsOperation>([
    ...unsupported.map((name): [string, SqsOperation] => [name, refuse(name)]),
    ...Object.entries(createQueueOperations(queues)),
    ...Object.entries(createMessageOperations(queues)),
  ])

  const answer = async (c: ApiContext, protocol: Protocol): Promise<Response> => {
    try {
      const { name, request } = await protocol.read(c)
      const operation = operations.get(name)
      if (operation === undefined) throw new ThawError('NotImplemented', `Unknown operation: ${name}`)
      return protocol.answer(name, await operation(c, request))
    } catch (error) {
      if (sqsErrorForm(error).status >= 500) logger.error({ err: error }, 'SQS request failed')
      return protocol.error(error)
    }
  }

  return {
    signingName: 'sqs',
    matches: (c) => protocolOf(c) !== undefined,
    handle: (c) => answer(c, protocolOf(c) ?? jsonProtocol),
  }
}

interface Protocol {
  read(c: ApiContext): Promise<{ name: string; request: unknown }>
  answer(name: string, body: object): Response
  error(error: unknown): Response
}

/** Clients post to `/` or to the queue's URL. */
function protocolOf(c: ApiContext): Protocol | undefined {
  if (c.req.method !== 'POST') return undefined
  if (target.test(c.req.header('x-amz-target') ?? '')) return jsonProtocol
  const form = c.req.header('content-type')?.startsWith('application/x-www-form-urlencoded') === true
  return form && (c.req.path === '/' || queuePath.test(c.req.path)) ? queryProtocol : undefined
}

const jsonProtocol: Protocol = {
  async read(c) {
    const [, name = ''] = target.exec(c.req.header('x-amz-target') ?? '') ?? []
    return { name, request: await readBody(c) }
  },
  answer: (_, body) => new Response(JSON.stringify(body), { headers: jsonHeaders }),
  error: sqsErrorAnswer,
}

const queryProtocol: Protocol = {
  async read(c) {
    const form = new URLSearchParams(await c.req.text())
    const queueUrl = queuePath.test(c.req.path) ? c.req.url : undefined
    return { name: form.get('Action') ?? '', request: queryRequest(form, queueUrl) }
  },
  answer: queryAnswer,
  error: queryErrorAnswer,
}

const refuse =
  (name: string): SqsOperation =>
  async () => {
    throw new QueueError('UnsupportedOperation', `${name} is not supported by Thaw.`)
  }

async function readBody(c: ApiContext): Promise<Record<string, unknown>> {
  const text = await c.req.text()
  try {
    return jsonObject.parse(text === '' ? {} : JSON.parse(text))
  } catch (cause) {
    throw new ThawError('InvalidRequestContent', 'The body of the request is no JSON object.', { cause })
  }
}
