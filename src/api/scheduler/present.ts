/** Schedules and groups as EventBridge Scheduler shows them. Dates are epoch seconds. */
import {
  groupArn,
  scheduleArn,
  type Place,
  type Schedule,
  type ScheduleGroup,
  type ScheduleTarget,
} from '../../events/schedules/record.ts'

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000)

/** What is undefined does not get into the JSON. */
export function presentSchedule(place: Place, schedule: Schedule): Record<string, unknown> {
  const { flexibleMinutes } = schedule
  return {
    ActionAfterCompletion: schedule.deleteAfterCompletion ? 'DELETE' : 'NONE',
    Arn: scheduleArn(place, schedule),
    CreationDate: seconds(schedule.createdAt),
    Description: schedule.description,
    EndDate: seconds(schedule.endAt),
    FlexibleTimeWindow:
      flexibleMinutes === 0 ? { Mode: 'OFF' } : { Mode: 'FLEXIBLE', MaximumWindowInMinutes: flexibleMinutes },
    GroupName: schedule.group,
    LastModificationDate: seconds(schedule.modifiedAt),
    Name: schedule.name,
    ScheduleExpression: schedule.expression,
    ScheduleExpressionTimezone: schedule.timezone,
    StartDate: seconds(schedule.startAt),
    State: stateOf(schedule),
    Target: presentTarget(schedule.target),
  }
}

export function summarizeSchedule(place: Place, schedule: Schedule): Record<string, unknown> {
  return {
    Arn: scheduleArn(place, schedule),
    CreationDate: seconds(schedule.createdAt),
    GroupName: schedule.group,
    LastModificationDate: seconds(schedule.modifiedAt),
    Name: schedule.name,
    State: stateOf(schedule),
    Target: { Arn: schedule.target.arn },
  }
}

const stateOf = ({ enabled }: Schedule): string => (enabled ? 'ENABLED' : 'DISABLED')

function presentTarget(target: ScheduleTarget): Record<string, unknown> {
  const { deadLetterArn, messageGroupId, maximumEventAgeSeconds, maximumRetryAttempts } = target
  return {
    Arn: target.arn,
    DeadLetterConfig: deadLetterArn === undefined ? undefined : { Arn: deadLetterArn },
    Input: target.input,
    RetryPolicy: {
      MaximumEventAgeInSeconds: maximumEventAgeSeconds ?? 86_400,
      MaximumRetryAttempts: maximumRetryAttempts ?? 185,
    },
    RoleArn: target.roleArn,
    SqsParameters: messageGroupId === undefined ? undefined : { MessageGroupId: messageGroupId },
  }
}

export function presentGroup(place: Place, { name, createdAt, modifiedAt }: ScheduleGroup): Record<string, unknown> {
  return {
    Arn: groupArn(place, name),
    CreationDate: seconds(createdAt),
    LastModificationDate: seconds(modifiedAt),
    Name: name,
    State: 'ACTIVE',
  }
}
