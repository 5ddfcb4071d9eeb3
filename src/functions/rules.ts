/** Rules on what a function may be, beyond the shape of the request; defaults; AWS's words where it has them. */
import type { Limits } from '../config.ts'
import { describeRule, parseAllowList } from '../egress/allow-list.ts'
import { forbiddenRule, type PermittedNetworks } from '../egress/private-networks.ts'
import { ThawError } from '../errors.ts'
import {
  latest,
  type FunctionConfiguration,
  type FunctionRecord,
  type LayerReference,
  type Runtime,
} from '../store/records.ts'
import type { ConfigurationInput, CreateFunctionInput } from './inputs.ts'
import { functionNameMaxLength, type FunctionRef } from './names.ts'
import { parseRuntime } from './runtimes.ts'
import { defaultEphemeralStorageMb } from './spec.ts'
import { constraints, describeViolations } from './violations.ts'

/** AWS: defaults of CreateFunction (shared/lambda/README.md, "States"). */
const defaults = { timeoutSeconds: 3, memoryMb: 128, ephemeralStorageMb: defaultEphemeralStorageMb }

/** Set by the platform (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Reserved"). */
const reservedVariables = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
])

/** What rules depend on that is not in the request. */
export interface RuleContext {
  limits: Limits
  /** Private networks that functions may be let into. */
  permitted: PermittedNetworks
}

const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

/** AWS answers this one length as InvalidParameterValue, with the text of a ValidationException. */
export function assertFunctionName(functionName: string): void {
  if (functionName.length <= functionNameMaxLength) return
  const constraint = constraints.maxLength(functionNameMaxLength)
  throw invalid(describeViolations([{ path: 'functionName', value: functionName, constraint }]))
}

/** @param layers those that the input names */
export function newConfiguration(
  functionName: string,
  input: CreateFunctionInput,
  layers: readonly LayerReference[] | undefined,
  context: RuleContext,
): FunctionConfiguration {
  const { runtime, handler, role } = input
  if (runtime === undefined || handler === undefined)
    throw invalid('Runtime and Handler are mandatory parameters for functions created with deployment packages.')
  if (role === undefined) throw invalid('Role is a mandatory parameter.')
  assertEnvironment(input.environment, context.limits)
  return checked({
    runtime: parseRuntime(runtime),
    handler,
    role,
    description: input.description ?? '',
    timeoutSeconds: input.timeoutSeconds ?? defaults.timeoutSeconds,
    memoryMb: input.memoryMb ?? defaults.memoryMb,
    environment: input.environment,
    architecture: input.architecture ?? 'x86_64',
    ephemeralStorageMb: input.ephemeralStorageMb ?? defaults.ephemeralStorageMb,
    tracingMode: input.tracingMode ?? 'PassThrough',
    snapStartApplyOn: input.snapStartApplyOn ?? 'None',
    logGroup: input.logGroup ?? `/aws/lambda/${functionName}`,
    deadLetterTargetArn: parseDeadLetterTarget(input.deadLetterTargetArn),
    layers: someOf(layers),
    egress: parseEgress(input.egress, context),
  })
}

/** @param layers those that the input names */
export function changedConfiguration(
  current: FunctionConfiguration,
  input: ConfigurationInput,
  layers: readonly LayerReference[] | undefined,
  context: RuleContext,
): FunctionConfiguration {
  assertEnvironment(input.environment, context.limits)
  const { deadLetterTargetArn } = input
  return checked({
    runtime: input.runtime === undefined ? current.runtime : parseRuntime(input.runtime),
    handler: input.handler ?? current.handler,
    role: input.role ?? current.role,
    description: input.description ?? current.description,
    timeoutSeconds: input.timeoutSeconds ?? current.timeoutSeconds,
    memoryMb: input.memoryMb ?? current.memoryMb,
    environment: input.environment ?? current.environment,
    architecture: current.architecture,
    ephemeralStorageMb: input.ephemeralStorageMb ?? current.ephemeralStorageMb,
    tracingMode: input.tracingMode ?? current.tracingMode,
    snapStartApplyOn: input.snapStartApplyOn ?? current.snapStartApplyOn,
    logGroup: input.logGroup ?? current.logGroup,
    deadLetterTargetArn:
      deadLetterTargetArn === undefined ? current.deadLetterTargetArn : parseDeadLetterTarget(deadLetterTargetArn),
    layers: layers === undefined ? current.layers : someOf(layers),
    egress: input.egress === undefined ? current.egress : parseEgress(input.egress, context),
  })
}

const someOf = <T>(list: readonly T[] | undefined): T[] | undefined =>
  list === undefined || list.length === 0 ? undefined : [...list]

/** Kept as written. Errors: `InvalidParameterValue`, by the entry. */
function parseEgress(entries: readonly string[] | undefined, { limits, permitted }: RuleContext): string[] | undefined {
  const rules = parseAllowList(entries ?? [], limits)
  const forbidden = forbiddenRule(rules, permitted)
  if (forbidden !== undefined)
    throw invalid(
      `The egress allow-list names ${describeRule(forbidden)}, a private network that the operator has not opened to functions (THAW_EGRESS_PRIVATE_NETWORKS).`,
    )
  return someOf(entries)
}

/** Rules on members together. */
function checked(configuration: FunctionConfiguration): FunctionConfiguration {
  if (configuration.runtime === 'provided.component' && configuration.layers !== undefined)
    throw invalid(
      'Layers are not supported for Runtime provided.component: a component is whole, nothing is merged into it.',
    )
  return configuration
}

/** Whether the queue exists shows when an event has to go there, as on AWS. */
function parseDeadLetterTarget(arn: string | undefined): string | undefined {
  if (arn === undefined || arn === '') return undefined
  if (!/^arn:aws:sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]{1,80}(\.fifo)?$/.test(arn))
    throw invalid(
      `DeadLetterConfig.TargetArn must be the ARN of an SQS queue, and ${arn} is none: there are no SNS topics here.`,
    )
  if (arn.endsWith('.fifo')) throw invalid('FIFO queues are not supported as DeadLetterConfig.TargetArn.')
  return arn
}

/** Errors: `InvalidParameterValue` for a queue of another account, which nothing could be delivered to. */
export function assertOwnDeadLetterQueue(arn: string | undefined, accountId: string): void {
  if (arn === undefined || arn === '' || arn.split(':')[4] === accountId) return
  throw invalid(`DeadLetterConfig.TargetArn must be a queue of account ${accountId}, and ${arn} is none.`)
}

function assertEnvironment(variables: Record<string, string> | undefined, limits: Limits): void {
  if (variables === undefined) return
  const unable =
    'Lambda was unable to configure your environment variables because the environment variables you have provided'
  const reserved = Object.keys(variables).filter((name) => reservedVariables.has(name))
  if (reserved.length > 0)
    throw invalid(
      `${unable} contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(', ')}`,
    )
  // AWS shows the whole string; we do not, it may hold secrets and the message ends up in logs.
  const measured = Buffer.byteLength(JSON.stringify(variables))
  if (measured <= limits.environmentBytes) return
  const limit = limits.environmentBytes / 1_024
  throw invalid(`${unable} exceeded the ${limit}KB limit. String measured: ${measured} bytes`)
}

/** Runtimes whose package can only be a zip; the others also take a bare file, which the build judges. */
const zipOnly = new Set<Runtime>(['nodejs24.x', 'nodejs22.x'])

const unreadable = () => invalid('Could not unzip uploaded file. Please check your file, then try to upload again.')
const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b

/** Returns the package. What is inside is the build's to judge. */
export function requireZip(zipFile: Uint8Array | undefined, runtime: Runtime, limits: Limits): Uint8Array {
  if (zipFile === undefined) throw invalid('Please provide a source for function code.')
  assertPackageSize(zipFile, limits)
  if (!isZip(zipFile) && zipOnly.has(runtime)) throw unreadable()
  return zipFile
}

/** As `requireZip`: of a layer, which is a zip for all. */
export function requireLayerZip(zipFile: Uint8Array | undefined, limits: Limits): Uint8Array {
  if (zipFile === undefined) throw invalid('Please provide a source for layer content.')
  assertPackageSize(zipFile, limits)
  if (!isZip(zipFile)) throw unreadable()
  return zipFile
}

function assertPackageSize({ length }: Uint8Array, { zipBytes }: Limits): void {
  if (length === 0) throw invalid('Uploaded file must be a non-empty zip')
  if (length > zipBytes) throw invalid(`Zipped size must be smaller than ${zipBytes} bytes, this one has ${length}.`)
}

/** Undefined if the memory suffices, else what to tell the function's owner. */
export function memoryShortfall(memoryMb: number, snapshotMemoryBytes: number): string | undefined {
  const neededMb = Math.ceil(snapshotMemoryBytes / 1_048_576)
  if (memoryMb >= neededMb) return undefined
  return `MemorySize ${memoryMb} MB is too small: after init the function holds ${neededMb} MB (${snapshotMemoryBytes} bytes). Set MemorySize to at least ${neededMb}.`
}

/** Of functions, versions and aliases. `expected` undefined: any will do. */
export function assertRevision(actual: string, expected: string | undefined): void {
  if (expected === undefined || expected === actual) return
  throw new ThawError(
    'PreconditionFailed',
    'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id',
  )
}

/** An operation on a function as such, named by its name or as `$LATEST`. */
export function assertUnqualified({ explicitQualifier }: FunctionRef): void {
  if (explicitQualifier === undefined || explicitQualifier === latest) return
  throw invalid(
    'This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.',
  )
}

const busy = 'The operation cannot be performed at this time.'

/** AWS lets one change at a time happen to a function. */
export function assertUpdatable(record: FunctionRecord, arn: string, revisionId: string | undefined): void {
  assertRevision(record.revisionId, revisionId)
  if (record.state.name === 'Pending')
    throw new ThawError('ResourceConflict', `${busy} The function is currently in the following state: Pending`)
  if (record.lastUpdate.status === 'InProgress')
    throw new ThawError('ResourceConflict', `${busy} An update is in progress for resource: ${arn}`)
}

/** $LATEST, settled, as what a version can be made of. @param codeSha256 base64, if the caller insists on it */
export function assertPublishable(record: FunctionRecord, codeSha256: string | undefined): void {
  const actual = Buffer.from(record.code.sha256, 'hex').toString('base64')
  if (codeSha256 !== undefined && codeSha256 !== actual)
    throw invalid(
      `CodeSHA256 (${codeSha256}) is different from current CodeSHA256 in $LATEST (${actual}). Please try again with the CodeSHA256 in $LATEST.`,
    )
  const { state, lastUpdate } = record
  if (state.name !== 'Active')
    throw new ThawError('ResourceConflict', `${busy} The function is currently in the following state: ${state.name}`)
  if (lastUpdate.status === 'Failed')
    throw new ThawError('ResourceConflict', `${busy} The last update of the function failed: ${lastUpdate.reason}`)
}
