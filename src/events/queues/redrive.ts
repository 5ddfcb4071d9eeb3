/** Dead-letter queues: the redrive policy of a source and the redrive allow policy of a target. */
import { z } from 'zod'
import type { QueueAttributes } from '../../store/queues.ts'
import { invalidParameter, type QueueError } from './errors.ts'

type Redrive = NonNullable<QueueAttributes['redrive']>

const redriveSchema = z.record(z.string(), z.unknown())
const countSchema = z.coerce.number().int().min(1).max(1_000)
const allowSchema = z.object({
  redrivePermission: z.enum(['allowAll', 'denyAll', 'byQueue']),
  sourceQueueArns: z.array(z.string()).max(10).default([]),
})

/** '' removes it. Throws `QueueError`. */
export function parseRedrivePolicy(text: string): Redrive | undefined {
  if (text === '') return undefined
  const refuse = (reason: string): QueueError => invalidParameter(text, 'RedrivePolicy', reason)
  const map = redriveSchema.safeParse(json(text))
  if (!map.success) throw refuse('Redrive policy is not a valid JSON map.')
  for (const name of ['deadLetterTargetArn', 'maxReceiveCount'])
    if (map.data[name] === undefined) throw refuse(`Redrive policy does not contain mandatory attribute: ${name}.`)
  const { deadLetterTargetArn, maxReceiveCount } = map.data
  if (typeof deadLetterTargetArn !== 'string' || !deadLetterTargetArn.startsWith('arn:'))
    throw refuse('Invalid value for deadLetterTargetArn.')
  const count = countSchema.safeParse(maxReceiveCount)
  if (!count.success)
    throw refuse(
      `Invalid value for maxReceiveCount: ${String(maxReceiveCount)}, valid values are from 1 to 1000 both inclusive.`,
    )
  return { deadLetterTargetArn, maxReceiveCount: count.data }
}

/** '' removes it. Throws `QueueError`. */
export function parseRedriveAllowPolicy(text: string): string | undefined {
  if (text === '') return undefined
  const policy = allowSchema.safeParse(json(text))
  if (!policy.success || (policy.data.redrivePermission === 'byQueue') !== policy.data.sourceQueueArns.length > 0)
    throw invalidParameter(text, 'RedriveAllowPolicy', 'Redrive allow policy is not valid.')
  return text
}

/** `target`: the queue that the policy names, if it is there. Throws `QueueError`. */
export function assertRedrive(
  redrive: Redrive,
  source: { arn: string; fifo: boolean },
  target: QueueAttributes | undefined,
) {
  const refuse = (reason: string): QueueError => invalidParameter(JSON.stringify(redrive), 'RedrivePolicy', reason)
  if (target === undefined) throw refuse('Dead letter target does not exist.')
  if (redrive.deadLetterTargetArn === source.arn) throw refuse('Dead-letter queue must be another queue.')
  if (target.fifo !== source.fifo) throw refuse('Dead-letter queue must be same type of queue as the source.')
  if (target.redriveAllowPolicy === undefined) return
  const { redrivePermission, sourceQueueArns } = allowSchema.parse(json(target.redriveAllowPolicy))
  if (redrivePermission === 'denyAll' || (redrivePermission === 'byQueue' && !sourceQueueArns.includes(source.arn)))
    throw refuse('Dead-letter queue does not allow this source queue.')
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
