/** What a mapping to Redis names. */
import { parseSourceArn } from './broker-arn.ts'
import { invalidArn } from './record.ts'
import type { SourceSettings } from './source.ts'

export interface RedisTarget {
  broker: string
  key: string
}

export function redisTarget({ eventSourceArn }: SourceSettings): RedisTarget {
  const { resource = '' } = parseSourceArn(eventSourceArn) ?? {}
  const { broker, key } = /^(?<broker>[\w-]+)\/(?<key>.+)$/s.exec(resource)?.groups ?? {}
  if (broker === undefined || key === undefined) throw invalidArn('arn:aws:redis:<region>:<account>:<broker>/<key>')
  return { broker, key }
}
