/** What a target is given. */
import { createHash } from 'node:crypto'
import { scheduleArn, type Place, type Schedule } from './record.ts'

export interface Firing {
  place: Place
  schedule: Schedule
  /** ms since the epoch. */
  scheduledAt: number
  /** 1 at first. */
  attempt: number
}

/** The same for every attempt at a firing, so that one that reached its target twice is recognised: a UUID (version 8). */
export function executionId({ place, schedule, scheduledAt }: Firing): string {
  const seed = `${scheduleArn(place, schedule)} ${schedule.createdAt} ${scheduledAt}`
  const hex = createHash('sha256').update(seed).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** To the second, as AWS writes it. */
export const isoSeconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/**
 * The schedule's `Input` with AWS's context attributes filled in (UserGuide, "Adding context attributes"), or the scheduled
 * event. Its `detail` is a string, as Lambda functions get it from AWS.
 */
export function payloadOf(firing: Firing): string {
  const { place, schedule, scheduledAt, attempt } = firing
  const arn = scheduleArn(place, schedule)
  const id = executionId(firing)
  const time = isoSeconds(scheduledAt)
  const { input } = schedule.target
  if (input === undefined)
    return JSON.stringify({
      version: '0',
      id,
      'detail-type': 'Scheduled Event',
      source: 'aws.scheduler',
      account: place.accountId,
      time,
      region: place.region,
      resources: [arn],
      detail: '{}',
    })
  return fillIn(input, {
    'schedule-arn': arn,
    'scheduled-time': time,
    'execution-id': id,
    'attempt-number': String(attempt),
  })
}

export function fillIn(input: string, attributes: Readonly<Record<string, string>>): string {
  return input.replaceAll(/<aws\.scheduler\.([a-z-]+)>/g, (whole, name: string) => attributes[name] ?? whole)
}
