/** What a mapping to RabbitMQ names, and how amqplib's errors are read. */
import { ThawError } from '../../errors.ts'
import { parseSourceArn } from './broker-arn.ts'
import { invalidArn } from './record.ts'
import type { SourceSettings } from './source.ts'

export interface RabbitTarget {
  broker: string
  queue: string
}

export const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 404

/** amqplib's messages may hold the URL, and with it the password. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/amqps?:\/\/\S*/g, '<url>')

/** `amqp://host` and `amqp://host/` both mean `/` here, as amqplib reads them. */
export const vhostOf = ({ pathname }: URL): string => decodeURIComponent(pathname.slice(1)) || '/'

export function rabbitTarget({ eventSourceArn, queues }: SourceSettings): RabbitTarget {
  const { resource = '' } = parseSourceArn(eventSourceArn) ?? {}
  const { broker } = /^broker:(?<broker>[\w-]+)(?::b-[\w-]+)?$/.exec(resource)?.groups ?? {}
  if (broker === undefined) throw invalidArn('arn:aws:mq:<region>:<account>:broker:<broker>')
  const [queue] = queues
  if (queue === undefined || queues.length > 1)
    throw new ThawError('InvalidParameterValue', 'Queues has to name exactly one queue of the broker.')
  return { broker, queue }
}
