/** Errors as EventBridge Scheduler's service model has them. */
import { ThawError, type ErrorCode } from '../../errors.ts'

interface Form {
  status: number
  type: string
}

const forms: Partial<Record<ErrorCode, Form>> = {
  Validation: { status: 400, type: 'ValidationException' },
  InvalidParameterValue: { status: 400, type: 'ValidationException' },
  InvalidRequestContent: { status: 400, type: 'ValidationException' },
  ResourceConflict: { status: 409, type: 'ConflictException' },
  PreconditionFailed: { status: 409, type: 'ConflictException' },
  ResourceNotFound: { status: 404, type: 'ResourceNotFoundException' },
  TooManyRequests: { status: 429, type: 'ThrottlingException' },
  AccessDenied: { status: 403, type: 'AccessDeniedException' },
  NotImplemented: { status: 404, type: 'UnknownOperationException' },
}
const internal: Form = { status: 500, type: 'InternalServerException' }

export function schedulerError(error: unknown): Response {
  const known = error instanceof ThawError ? forms[error.code] : undefined
  const { status, type } = known ?? internal
  const Message = error instanceof ThawError && known !== undefined ? error.message : 'An internal error occurred.'
  return Response.json({ Message }, { status, headers: { 'x-amzn-ErrorType': type } })
}
