/** What a mapping to MQTT names. */
import { parseSourceArn } from './broker-arn.ts'
import { invalidArn } from './record.ts'
import type { SourceSettings } from './source.ts'

export interface MqttTarget {
  broker: string
  topicFilter: string
}

export function mqttTarget({ eventSourceArn }: SourceSettings): MqttTarget {
  const { resource = '' } = parseSourceArn(eventSourceArn) ?? {}
  const { broker, topicFilter } = /^(?<broker>[\w-]+)\/(?<topicFilter>.+)$/s.exec(resource)?.groups ?? {}
  if (broker === undefined || topicFilter === undefined || !isTopicFilter(topicFilter))
    throw invalidArn('arn:aws:mqtt:<region>:<account>:<broker>/<topic filter>')
  return { broker, topicFilter }
}

/** `+` stands for a whole level, `#` for all the rest (MQTT 3.1.1, 4.7.1). */
export function isTopicFilter(filter: string): boolean {
  const levels = filter.split('/')
  return levels.every(
    (level, index) =>
      !level.includes('\0') && (level === '+' || (level === '#' && index === levels.length - 1) || !/[+#]/.test(level)),
  )
}
