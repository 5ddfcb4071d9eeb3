/** Requests to EventBridge Scheduler, with the constraints of its service model. */
import { z } from 'zod'
import { integer, optional, text, word } from '../members.ts'

const name = () => text({ minLength: 1, maxLength: 64, pattern: '[0-9a-zA-Z-_.]+' })
const token = () => optional(text({ minLength: 1, maxLength: 64, pattern: '[a-zA-Z0-9-_]+' }))
const arn = (maxLength = 1_600) => text({ minLength: 1, maxLength })
/** Epoch seconds on the wire. */
const date = () => optional(z.number().transform((seconds) => Math.round(seconds * 1_000)))
const absent = (member: string) =>
  z
    .unknown()
    .optional()
    .refine((value) => value === undefined || value === null, `Member ${member} is not supported by Thaw`)

const target = z.object({
  Arn: arn(),
  RoleArn: text({ minLength: 1, maxLength: 1_600, pattern: 'arn:aws[a-z-]*:iam::\\d{12}:role\\/[\\w+=,.@\\/-]+' }),
  // AWS: 256 KB.
  Input: optional(text({ minLength: 1, maxLength: 262_144 })),
  DeadLetterConfig: optional(z.object({ Arn: optional(arn()) })),
  RetryPolicy: optional(
    z.object({
      MaximumEventAgeInSeconds: optional(integer(60, 86_400)),
      MaximumRetryAttempts: optional(integer(0, 185)),
    }),
  ),
  SqsParameters: optional(z.object({ MessageGroupId: optional(text({ minLength: 1, maxLength: 128 })) })),
  EcsParameters: absent('EcsParameters'),
  EventBridgeParameters: absent('EventBridgeParameters'),
  KinesisParameters: absent('KinesisParameters'),
  SageMakerPipelineParameters: absent('SageMakerPipelineParameters'),
})

const window = z
  .object({
    Mode: word(['OFF', 'FLEXIBLE']),
    MaximumWindowInMinutes: optional(integer(1, 1_440)),
  })
  .refine(
    ({ Mode, MaximumWindowInMinutes: minutes }) => (Mode === 'FLEXIBLE') === (minutes !== undefined),
    'Member must have MaximumWindowInMinutes with the mode FLEXIBLE and without it otherwise',
  )

const states = ['ENABLED', 'DISABLED'] as const

export const scheduleSchema = z.object({
  Name: name(),
  GroupName: optional(name()),
  Description: optional(text({ maxLength: 512 })),
  ScheduleExpression: text({ minLength: 1, maxLength: 256 }),
  ScheduleExpressionTimezone: optional(text({ minLength: 1, maxLength: 50 })),
  StartDate: date(),
  EndDate: date(),
  State: optional(word(states)),
  ActionAfterCompletion: optional(word(['NONE', 'DELETE'])),
  KmsKeyArn: absent('KmsKeyArn'),
  Target: target,
  FlexibleTimeWindow: window,
  ClientToken: token(),
})
export type ScheduleRequest = z.infer<typeof scheduleSchema>

export const scheduleNameSchema = z.object({ Name: name(), GroupName: optional(name()) })
export const groupNameSchema = z.object({ Name: name() })

const page = {
  NextToken: optional(text({ minLength: 1, maxLength: 2_048 })),
  MaxResults: optional(z.coerce.number().pipe(integer(1, 100))),
}

export const listSchedulesSchema = z.object({
  GroupName: optional(name()),
  NamePrefix: optional(name()),
  State: optional(word(states)),
  ...page,
})

export const listGroupsSchema = z.object({ NamePrefix: optional(name()), ...page })

const tag = z.object({ Key: text({ minLength: 1, maxLength: 128 }), Value: text({ minLength: 1, maxLength: 256 }) })
// AWS: 50 tags a resource, 200 a request.
const tags = z.array(tag).max(200, 'Member must have length less than or equal to 200')

export const createGroupSchema = z.object({ Name: name(), Tags: optional(tags), ClientToken: token() })
export const tagSchema = z.object({ Tags: tags })
