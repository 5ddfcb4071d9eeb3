/** Where records of what became of an event go: Thaw's queues, or another function. By ARN. */
import { randomUUID } from 'node:crypto'
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { AsyncTarget } from './async/settings.ts'
import type { Lineage } from './invoking.ts'
import type { MessageAttribute, Queues } from './queues.ts'

export interface DestinationMessage extends Lineage {
  /** Whose event it was: only what is the same account's is reached. */
  accountId: string
  body: string
  /** Queues only. */
  attributes: Readonly<Record<string, MessageAttribute>>
}

export interface Destinations {
  /**
   * Durable there when it resolves. Errors: `ResourceNotFound` if it is not there (any more), `InvalidParameterValue` if
   * it does not take this message, others if it cannot take it now.
   */
  send(arn: string, message: DestinationMessage): Promise<void>
}

export interface DestinationsOptions {
  queues: Pick<Queues, 'send'>
  limits: Pick<Limits, 'asyncPayloadBytes'>
  /** Accepts an asynchronous event, as `AsyncQueue.accept` does. */
  accept(
    event: AsyncTarget & Lineage & { requestId: string; payload: Uint8Array; clientContext: undefined },
  ): Promise<void>
  functionExists(target: AsyncTarget): Promise<boolean>
}

const functionArn =
  /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:(\d{12}):function:([a-zA-Z0-9-_]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?$/
const queueArn = /^arn:aws[a-z-]*:sqs:[a-z0-9-]+:(\d{12}):/

export function createDestinations({ queues, limits, accept, functionExists }: DestinationsOptions): Destinations {
  return {
    async send(arn, { accountId, body, attributes, hops }) {
      const gone = new ThawError('ResourceNotFound', `There is no destination ${arn}.`)
      if (queueArn.exec(arn)?.[1] === accountId) {
        await queues.send(arn, {
          body,
          attributes,
          hops,
          delaySeconds: undefined,
          groupId: undefined,
          deduplicationId: undefined,
        })
        return
      }
      const target = functionTarget(arn)
      if (target === undefined || target.accountId !== accountId || !(await functionExists(target))) throw gone
      const payload = Buffer.from(body)
      if (payload.length > limits.asyncPayloadBytes)
        throw new ThawError('InvalidParameterValue', `A record of ${payload.length} bytes is too large for an event.`)
      await accept({ ...target, hops, payload, clientContext: undefined, requestId: randomUUID() })
    },
  }
}

/** Undefined if it names no function. */
export function functionTarget(arn: string): AsyncTarget | undefined {
  const [, accountId, functionName, qualifier = '$LATEST'] = functionArn.exec(arn) ?? []
  return accountId === undefined || functionName === undefined ? undefined : { accountId, functionName, qualifier }
}
