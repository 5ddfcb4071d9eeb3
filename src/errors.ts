/**
 * One base class for what Thaw itself raises, with a literal code, and one table that maps each code outward.
 * What a function does wrong is not here: that is data (`FunctionFailure` in invocation.ts).
 */
export type ErrorCode =
  | 'InvalidParameterValue'
  | 'Validation'
  | 'InvalidRequestContent'
  | 'ResourceNotFound'
  | 'ResourceConflict'
  | 'ResourceNotReady'
  | 'PreconditionFailed'
  /** More concurrency set aside than there is: on the wire an InvalidParameterValue, but without `Type`. */
  | 'ConcurrencyLimit'
  | 'PolicyLengthExceeded'
  | 'ProvisionedConcurrencyConfigNotFound'
  | 'ResourceInUse'
  | 'RecursiveInvocation'
  | 'RequestTooLarge'
  | 'UnsupportedMediaType'
  | 'CodeStorageExceeded'
  | 'TooManyRequests'
  // Of the signature and of permissions:
  | 'AccessDenied'
  | 'MissingAuthenticationToken'
  | 'IncompleteSignature'
  | 'InvalidSignature'
  | 'UnrecognizedClient'
  | 'NotImplemented'
  | 'Service'
  | 'Unavailable'
  // Raised inside, never on the wire under these names:
  | 'Build'
  | 'Artifact'
  | 'Config'

export interface ThawErrorOptions {
  cause?: unknown
  /** TooManyRequests only: Lambda's `Reason`. */
  reason?: string
}

/** An error of the platform. `message` is fit for a client: no paths of the host, no stack. */
export class ThawError extends Error {
  override readonly name = 'ThawError'
  readonly code: ErrorCode
  readonly reason: string | undefined

  constructor(code: ErrorCode, message: string, options: ThawErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.reason = options.reason
  }
}

interface WireForm {
  status: number
  /** The exception's name in `x-amzn-ErrorType`. */
  type: string
  /** Lambda spells the key differently from error to error (shared/lambda/README.md, "Wire rules"). */
  messageKey: 'Message' | 'message'
  /** Whether the body carries `Type: User | Service`. ValidationException does not. */
  kind: 'User' | 'Service' | undefined
}

const wireForms: Record<ErrorCode, WireForm> = {
  InvalidParameterValue: { status: 400, type: 'InvalidParameterValueException', messageKey: 'message', kind: 'User' },
  Validation: { status: 400, type: 'ValidationException', messageKey: 'message', kind: undefined },
  InvalidRequestContent: { status: 400, type: 'InvalidRequestContentException', messageKey: 'message', kind: 'User' },
  ResourceNotFound: { status: 404, type: 'ResourceNotFoundException', messageKey: 'Message', kind: 'User' },
  ResourceConflict: { status: 409, type: 'ResourceConflictException', messageKey: 'message', kind: 'User' },
  ResourceNotReady: { status: 502, type: 'ResourceNotReadyException', messageKey: 'Message', kind: 'User' },
  PreconditionFailed: { status: 412, type: 'PreconditionFailedException', messageKey: 'message', kind: 'User' },
  ConcurrencyLimit: { status: 400, type: 'InvalidParameterValueException', messageKey: 'message', kind: undefined },
  PolicyLengthExceeded: { status: 400, type: 'PolicyLengthExceededException', messageKey: 'message', kind: 'User' },
  ProvisionedConcurrencyConfigNotFound: {
    status: 404,
    type: 'ProvisionedConcurrencyConfigNotFoundException',
    messageKey: 'message',
    kind: 'User',
  },
  ResourceInUse: { status: 400, type: 'ResourceInUseException', messageKey: 'Message', kind: 'User' },
  RecursiveInvocation: { status: 400, type: 'RecursiveInvocationException', messageKey: 'Message', kind: 'User' },
  // These five have no `Type` on AWS: they are answered before the request reaches the service.
  AccessDenied: { status: 403, type: 'AccessDeniedException', messageKey: 'Message', kind: undefined },
  MissingAuthenticationToken: {
    status: 403,
    type: 'MissingAuthenticationTokenException',
    messageKey: 'message',
    kind: undefined,
  },
  IncompleteSignature: { status: 400, type: 'IncompleteSignatureException', messageKey: 'message', kind: undefined },
  InvalidSignature: { status: 403, type: 'InvalidSignatureException', messageKey: 'message', kind: undefined },
  UnrecognizedClient: { status: 403, type: 'UnrecognizedClientException', messageKey: 'message', kind: undefined },
  RequestTooLarge: { status: 413, type: 'RequestTooLargeException', messageKey: 'message', kind: 'User' },
  UnsupportedMediaType: { status: 415, type: 'UnsupportedMediaTypeException', messageKey: 'message', kind: 'User' },
  CodeStorageExceeded: { status: 400, type: 'CodeStorageExceededException', messageKey: 'message', kind: 'User' },
  TooManyRequests: { status: 429, type: 'TooManyRequestsException', messageKey: 'message', kind: 'User' },
  NotImplemented: { status: 501, type: 'NotImplementedException', messageKey: 'message', kind: 'Service' },
  Service: { status: 500, type: 'ServiceException', messageKey: 'Message', kind: 'Service' },
  Unavailable: { status: 503, type: 'ServiceUnavailableException', messageKey: 'message', kind: 'Service' },
  Build: { status: 500, type: 'ServiceException', messageKey: 'Message', kind: 'Service' },
  Artifact: { status: 500, type: 'ServiceException', messageKey: 'Message', kind: 'Service' },
  Config: { status: 500, type: 'ServiceException', messageKey: 'Message', kind: 'Service' },
}

/** What a client sees of an error: status, the exception's name, and the body's JSON. */
export interface WireError {
  status: number
  type: string
  body: Record<string, string>
}

/** Map any thrown value outward. What is no ThawError becomes a bare ServiceException: nothing of it is shown. */
export function toWireError(error: unknown): WireError {
  const known = error instanceof ThawError ? error : new ThawError('Service', 'An internal error occurred.')
  const form = wireForms[known.code]
  const body: Record<string, string> = {}
  if (form.kind !== undefined) body.Type = form.kind
  if (known.reason !== undefined) body.Reason = known.reason
  body[form.messageKey] = known.message
  return { status: form.status, type: form.type, body }
}
