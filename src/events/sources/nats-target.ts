/** What a mapping to NATS names. */
import { parseSourceArn } from './broker-arn.ts'
import { isSubjectFilter } from './nats-record.ts'
import { invalidArn } from './record.ts'
import type { SourceSettings } from './source.ts'

export interface NatsTarget {
  broker: string
  stream: string
  filterSubject: string
}

const form = 'arn:aws:nats:<region>:<account>:<broker>/<stream>/<filter subject, > for all>'

export function natsTarget({ eventSourceArn }: SourceSettings): NatsTarget {
  const { resource = '' } = parseSourceArn(eventSourceArn) ?? {}
  const { broker, stream, filterSubject } =
    /^(?<broker>[\w-]+)\/(?<stream>[^\s./*>]+)\/(?<filterSubject>.+)$/.exec(resource)?.groups ?? {}
  if (broker === undefined || stream === undefined || filterSubject === undefined || !isSubjectFilter(filterSubject))
    throw invalidArn(form)
  return { broker, stream, filterSubject }
}
