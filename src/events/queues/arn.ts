/** `arn:aws:sqs:<region>:<account>:<name>` */
export interface QueueName {
  accountId: string
  queueName: string
}

const pattern = /^arn:aws[a-z-]*:sqs:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$/

export const formatQueueArn = (region: string, { accountId, queueName }: QueueName): string =>
  `arn:aws:sqs:${region}:${accountId}:${queueName}`

/** Undefined if it is none, or of another region. */
export function parseQueueArn(region: string, arn: string): QueueName | undefined {
  const [, of, accountId, queueName] = pattern.exec(arn) ?? []
  return of === region && accountId !== undefined && queueName !== undefined ? { accountId, queueName } : undefined
}
