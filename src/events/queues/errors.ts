/** What goes wrong with queues, in SQS's own codes; to the rest of the server each is a `ThawError` of a code it knows. */
import { ThawError, type ErrorCode } from '../../errors.ts'

const codes = {
  QueueDoesNotExist: 'ResourceNotFound',
  QueueNameExists: 'ResourceConflict',
  InvalidAddress: 'InvalidParameterValue',
  InvalidAttributeName: 'InvalidParameterValue',
  InvalidAttributeValue: 'InvalidParameterValue',
  InvalidParameterValue: 'InvalidParameterValue',
  MissingParameter: 'InvalidParameterValue',
  InvalidMessageContents: 'InvalidParameterValue',
  ReceiptHandleIsInvalid: 'InvalidParameterValue',
  EmptyBatchRequest: 'InvalidParameterValue',
  TooManyEntriesInBatchRequest: 'InvalidParameterValue',
  BatchEntryIdsNotDistinct: 'InvalidParameterValue',
  InvalidBatchEntryId: 'InvalidParameterValue',
  BatchRequestTooLong: 'InvalidParameterValue',
  UnsupportedOperation: 'InvalidParameterValue',
  PurgeQueueInProgress: 'TooManyRequests',
  OverLimit: 'TooManyRequests',
} satisfies Record<string, ErrorCode>

export type QueueErrorCode = keyof typeof codes

export class QueueError extends ThawError {
  readonly queueCode: QueueErrorCode

  constructor(queueCode: QueueErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(codes[queueCode], message, options)
    this.queueCode = queueCode
  }
}

export const missingQueue = (): QueueError => new QueueError('QueueDoesNotExist', 'The specified queue does not exist.')

/** AWS's words for a parameter that is out of its range. */
export const invalidParameter = (value: unknown, name: string, reason: string): QueueError =>
  new QueueError('InvalidParameterValue', `Value ${String(value)} for parameter ${name} is invalid. Reason: ${reason}`)
