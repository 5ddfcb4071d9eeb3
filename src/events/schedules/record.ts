/**
 * Schedules as they are stored: documents of kind `schedule` and `schedule-group`, which belong to the account. A schedule's
 * key is `<group>/<name>`.
 */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from '../../store/documents.ts'

const targetSchema = z.object({
  /** Of a function, with or without qualifier, or of a queue. */
  arn: z.string(),
  /** Kept because clients send and expect it; nothing is asked of it. */
  roleArn: z.string(),
  input: z.string().optional(),
  deadLetterArn: z.string().optional(),
  maximumEventAgeSeconds: z.number().optional(),
  maximumRetryAttempts: z.number().optional(),
  /** FIFO queues. */
  messageGroupId: z.string().optional(),
})
export type ScheduleTarget = z.infer<typeof targetSchema>

const scheduleSchema = z.object({
  name: z.string(),
  group: z.string(),
  description: z.string().optional(),
  expression: z.string(),
  /** IANA's name. */
  timezone: z.string(),
  /** ms since the epoch, as all times here. */
  startAt: z.number().optional(),
  endAt: z.number().optional(),
  /** 0: `FlexibleTimeWindow` is OFF. */
  flexibleMinutes: z.number(),
  enabled: z.boolean(),
  deleteAfterCompletion: z.boolean(),
  target: targetSchema,
  createdAt: z.number(),
  modifiedAt: z.number(),
  /** From where a rate is counted. */
  baseAt: z.number(),
  /** The first firing that was not yet delivered, without its flexible window's offset. Absent: there is none. */
  nextAt: z.number().optional(),
  lastFiredAt: z.number().optional(),
  /** Of the request that made it, so that its repetition is recognised. */
  clientToken: z.string().optional(),
})
export type Schedule = z.infer<typeof scheduleSchema>

const groupSchema = z.object({
  name: z.string(),
  createdAt: z.number(),
  modifiedAt: z.number(),
  tags: z.record(z.string(), z.string()),
  clientToken: z.string().optional(),
})
export type ScheduleGroup = z.infer<typeof groupSchema>

export const defaultGroup = 'default'
/** They belong to no function. */
export const scheduleScope = ''

export const scheduleKey = ({ group, name }: Pick<Schedule, 'group' | 'name'>): string => `${group}/${name}`

export const scheduleRecords = (documents: Documents): Collection<Schedule> =>
  createCollection(documents, 'schedule', scheduleSchema)
export const groupRecords = (documents: Documents): Collection<ScheduleGroup> =>
  createCollection(documents, 'schedule-group', groupSchema)

export interface Place {
  region: string
  accountId: string
}

export const scheduleArn = ({ region, accountId }: Place, { group, name }: Pick<Schedule, 'group' | 'name'>): string =>
  `arn:aws:scheduler:${region}:${accountId}:schedule/${group}/${name}`
export const groupArn = ({ region, accountId }: Place, name: string): string =>
  `arn:aws:scheduler:${region}:${accountId}:schedule-group/${name}`
