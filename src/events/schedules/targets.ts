/** Hands firings to what they are for: functions, asynchronously, and queues; and to dead-letter queues in the end. */
import { ThawError } from '../../errors.ts'
import type { AsyncInvocation } from '../async/queue.ts'
import type { AsyncTarget } from '../async/settings.ts'
import { functionTarget } from '../destinations.ts'
import type { MessageAttribute, Queues } from '../queues.ts'
import { executionId, isoSeconds, payloadOf, type Firing } from './payload.ts'
import { scheduleArn } from './record.ts'

export interface TargetsOptions {
  /** Durable when it resolves. */
  accept(event: AsyncInvocation): Promise<void>
  functionExists(target: AsyncTarget): Promise<boolean>
  queues: Pick<Queues, 'send'>
}

export interface Targets {
  /** Durable there when it resolves. Errors: see `isFinal`. */
  deliver(firing: Firing): Promise<void>
  /** To the target's dead-letter queue, if it has one. */
  bury(firing: Firing, failure: Failure): Promise<void>
}

export interface Failure {
  error: unknown
  /** Undefined: it made no sense to try again. */
  exhausted: 'MaximumRetryAttempts' | 'MaximumEventAgeInSeconds' | undefined
}

/** Trying again would fail again. */
export function isFinal(error: unknown): boolean {
  const codes = ['ResourceNotFound', 'InvalidParameterValue', 'Validation', 'InvalidRequestContent', 'RequestTooLarge']
  return error instanceof ThawError && codes.includes(error.code)
}

const isQueue = (arn: string): boolean => arn.split(':')[2] === 'sqs'

export function createTargets({ accept, functionExists, queues }: TargetsOptions): Targets {
  return {
    async deliver(firing) {
      const { target } = firing.schedule
      const id = executionId(firing)
      if (isQueue(target.arn)) {
        const { messageGroupId } = target
        await queues.send(target.arn, {
          body: payloadOf(firing),
          attributes: {},
          hops: 0,
          delaySeconds: undefined,
          groupId: messageGroupId,
          // A FIFO queue takes a firing that is delivered twice for one.
          deduplicationId: messageGroupId === undefined ? undefined : id,
        })
        return
      }
      const named = functionTarget(target.arn)
      if (named === undefined || !(await functionExists(named)))
        throw new ThawError('ResourceNotFound', `Function not found: ${target.arn}`)
      await accept({
        ...named,
        requestId: id,
        payload: Buffer.from(payloadOf(firing)),
        clientContext: undefined,
        hops: 0,
      })
    },

    async bury(firing, { error, exhausted }) {
      const { place, schedule, scheduledAt, attempt } = firing
      const { deadLetterArn, arn } = schedule.target
      if (deadLetterArn === undefined) return
      const known = error instanceof ThawError
      const attributes = {
        ERROR_CODE: known ? `${error.code}Exception` : 'InternalServerException',
        ERROR_MESSAGE: known ? error.message : 'An internal error occurred.',
        EXECUTION_ID: executionId(firing),
        IS_PAYLOAD_TRUNCATED: 'false',
        RETRY_ATTEMPTS: String(attempt - 1),
        SCHEDULED_TIME: isoSeconds(scheduledAt),
        SCHEDULE_ARN: scheduleArn(place, schedule),
        TARGET_ARN: arn,
        ...(exhausted === undefined ? {} : { EXHAUSTED_RETRY_CONDITION: exhausted }),
      }
      await queues.send(deadLetterArn, {
        body: payloadOf(firing),
        attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, text(value)])),
        hops: 0,
        delaySeconds: undefined,
        groupId: undefined,
        deduplicationId: undefined,
      })
    },
  }
}

const text = (stringValue: string): MessageAttribute => ({ dataType: 'String', stringValue, binaryValue: undefined })
