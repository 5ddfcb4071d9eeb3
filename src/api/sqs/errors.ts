/**
 * Errors in SQS's JSON protocol: the shape's name in `__type`, and the code that the older query protocol had in
 * `x-amzn-query-error`, which SDKs show instead. Pairs and statuses: SQS's service model (`awsQueryError`, `httpError`).
 */
import { ThawError, type ErrorCode } from '../../errors.ts'
import { QueueError, type QueueErrorCode } from '../../events/queues/errors.ts'

export interface SqsErrorForm {
  status: number
  /** As in `__type`. */
  type: string
  /** As in `x-amzn-query-error`, and in the failed entries of batches. */
  queryCode: string
}

const modelled = (name: string, queryCode: string, status = 400): SqsErrorForm => ({
  status,
  type: `com.amazonaws.sqs#${name}`,
  queryCode,
})
const legacy = (name: string, status = 400): SqsErrorForm => modelled(name, `AWS.SimpleQueueService.${name}`, status)
/** Of the layer below the service, without a shape in its model. */
const common = (name: string, queryCode: string, status = 400): SqsErrorForm => ({
  status,
  type: `com.amazon.coral.service#${name}`,
  queryCode,
})

const forms: Record<QueueErrorCode, SqsErrorForm> = {
  QueueDoesNotExist: modelled('QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'),
  QueueNameExists: modelled('QueueNameExists', 'QueueAlreadyExists'),
  InvalidAddress: modelled('InvalidAddress', 'InvalidAddress', 404),
  InvalidAttributeName: modelled('InvalidAttributeName', 'InvalidAttributeName'),
  InvalidAttributeValue: modelled('InvalidAttributeValue', 'InvalidAttributeValue'),
  InvalidParameterValue: common('InvalidParameterValueException', 'InvalidParameterValue'),
  MissingParameter: common('MissingRequiredParameterException', 'MissingParameter'),
  InvalidMessageContents: modelled('InvalidMessageContents', 'InvalidMessageContents'),
  ReceiptHandleIsInvalid: modelled('ReceiptHandleIsInvalid', 'ReceiptHandleIsInvalid', 404),
  EmptyBatchRequest: legacy('EmptyBatchRequest'),
  TooManyEntriesInBatchRequest: legacy('TooManyEntriesInBatchRequest'),
  BatchEntryIdsNotDistinct: legacy('BatchEntryIdsNotDistinct'),
  InvalidBatchEntryId: legacy('InvalidBatchEntryId'),
  BatchRequestTooLong: legacy('BatchRequestTooLong'),
  UnsupportedOperation: legacy('UnsupportedOperation'),
  PurgeQueueInProgress: legacy('PurgeQueueInProgress', 403),
  OverLimit: modelled('OverLimit', 'OverLimit', 403),
}

const outer: Partial<Record<ErrorCode, SqsErrorForm>> = {
  InvalidRequestContent: common('SerializationException', 'MalformedInput'),
  AccessDenied: common('AccessDeniedException', 'AccessDenied', 403),
  NotImplemented: common('UnknownOperationException', 'InvalidAction'),
  Unavailable: common('ServiceUnavailableException', 'ServiceUnavailable', 503),
}
const internal = common('InternalFailure', 'InternalFailure', 500)

export function sqsErrorForm(error: unknown): SqsErrorForm {
  if (error instanceof QueueError) return forms[error.queueCode]
  return (error instanceof ThawError ? outer[error.code] : undefined) ?? internal
}

export function sqsErrorAnswer(error: unknown): Response {
  const { status, type, queryCode } = sqsErrorForm(error)
  const fault = status >= 500 ? 'Receiver' : 'Sender'
  const headers = { ...jsonHeaders, 'x-amzn-query-error': `${queryCode};${fault}` }
  return new Response(JSON.stringify({ __type: type, message: sqsErrorMessage(error) }), { status, headers })
}

/** Nothing is shown of what is not the platform's own. */
export const sqsErrorMessage = (error: unknown): string =>
  error instanceof ThawError && sqsErrorForm(error).status !== 500 ? error.message : 'An internal error occurred.'

export const jsonHeaders = { 'content-type': 'application/x-amz-json-1.0' }
