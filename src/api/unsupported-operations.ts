/** Groups of operations that Thaw does not have: each says so, and why. */
import { ThawError } from '../errors.ts'
import type { Handler, Handlers } from './context.ts'

const groups: readonly { operations: readonly string[]; message: string }[] = [
  {
    operations: [
      'CreateCapacityProvider',
      'DeleteCapacityProvider',
      'GetCapacityProvider',
      'ListCapacityProviders',
      'ListFunctionVersionsByCapacityProvider',
      'UpdateCapacityProvider',
      'GetFunctionScalingConfig',
      'PutFunctionScalingConfig',
    ],
    message: 'A capacity provider is not supported by Thaw: functions run on the machine that Thaw runs on.',
  },
  {
    operations: [
      'CheckpointDurableExecution',
      'GetDurableExecution',
      'GetDurableExecutionHistory',
      'GetDurableExecutionState',
      'ListDurableExecutionsByFunction',
      'SendDurableExecutionCallbackFailure',
      'SendDurableExecutionCallbackHeartbeat',
      'SendDurableExecutionCallbackSuccess',
      'StopDurableExecution',
    ],
    message:
      'Durable execution is not supported by Thaw: invoke asynchronously, with destinations, for work in several steps.',
  },
  {
    operations: ['DeleteResourcePolicy', 'GetResourcePolicy', 'PutResourcePolicy'],
    message:
      'A resource policy as a document is not supported by Thaw: use AddPermission, GetPolicy and RemovePermission.',
  },
]

/** Handlers that answer `InvalidParameterValue` with the message. */
export const refusing = (operations: readonly string[], message: string): [string, Handler][] =>
  operations.map((name) => [
    name,
    async () => {
      throw new ThawError('InvalidParameterValue', message)
    },
  ])

export const unsupportedHandlers = (): Handlers =>
  new Map(groups.flatMap(({ operations, message }) => refusing(operations, message)))
