/** What the operations on schedules are given, shape checked. Times in ms since the epoch. */
import type { ScheduleTarget } from './record.ts'

export interface ScheduleInput {
  name: string
  group: string
  description: string | undefined
  expression: string
  timezone: string
  startAt: number | undefined
  endAt: number | undefined
  /** 0: off. */
  flexibleMinutes: number
  enabled: boolean
  deleteAfterCompletion: boolean
  target: ScheduleTarget
  clientToken: string | undefined
}

export interface ScheduleFilter {
  group: string | undefined
  namePrefix: string | undefined
  enabled: boolean | undefined
}

export interface Page {
  /** Of the page before. */
  token: string | undefined
  limit: number
}
