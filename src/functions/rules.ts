/** Rules on what a function may be, beyond the shape of the request; defaults; AWS's words where it has them. */
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { FunctionConfiguration, FunctionRecord, Runtime } from '../store/records.ts'
import type { ConfigurationInput, CreateFunctionInput } from './inputs.ts'
import { functionNameMaxLength } from './names.ts'
import { parseRuntime } from './runtimes.ts'
import { constraints, describeViolations } from './violations.ts'

/** AWS: defaults of CreateFunction (shared/lambda/README.md, "States"). */
const defaults = { timeoutSeconds: 3, memoryMb: 128, ephemeralStorageMb: 512 }

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

const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

/** AWS answers this one length as InvalidParameterValue, with the text of a ValidationException. */
export function assertFunctionName(functionName: string): void {
  if (functionName.length <= functionNameMaxLength) return
  const constraint = constraints.maxLength(functionNameMaxLength)
  throw invalid(describeViolations([{ path: 'functionName', value: functionName, constraint }]))
}

export function newConfiguration(
  functionName: string,
  input: CreateFunctionInput,
  limits: Limits,
): FunctionConfiguration {
  const { runtime, handler, role } = input
  if (runtime === undefined || handler === undefined)
    throw invalid('Runtime and Handler are mandatory parameters for functions created with deployment packages.')
  if (role === undefined) throw invalid('Role is a mandatory parameter.')
  assertEnvironment(input.environment, limits)
  return {
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
  }
}

export function changedConfiguration(
  current: FunctionConfiguration,
  input: ConfigurationInput,
  limits: Limits,
): FunctionConfiguration {
  assertEnvironment(input.environment, limits)
  return {
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
  }
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

/** Returns the package. What is inside is the build's to judge. */
export function requireZip(zipFile: Uint8Array | undefined, runtime: Runtime, limits: Limits): Uint8Array {
  if (zipFile === undefined) throw invalid('Please provide a source for function code.')
  if (zipFile.length === 0) throw invalid('Uploaded file must be a non-empty zip')
  if (zipFile.length > limits.zipBytes)
    throw invalid(`Zipped size must be smaller than ${limits.zipBytes} bytes, this one has ${zipFile.length}.`)
  const isZip = zipFile[0] === 0x50 && zipFile[1] === 0x4b
  if (!isZip && zipOnly.has(runtime))
    throw invalid('Could not unzip uploaded file. Please check your file, then try to upload again.')
  return zipFile
}

/** Undefined if the memory suffices, else what to tell the function's owner. */
export function memoryShortfall(memoryMb: number, snapshotMemoryBytes: number): string | undefined {
  const neededMb = Math.ceil(snapshotMemoryBytes / 1_048_576)
  if (memoryMb >= neededMb) return undefined
  return `MemorySize ${memoryMb} MB is too small: after init the function holds ${neededMb} MB (${snapshotMemoryBytes} bytes). Set MemorySize to at least ${neededMb}.`
}

/** AWS lets one change at a time happen to a function. */
export function assertUpdatable(record: FunctionRecord, arn: string, revisionId: string | undefined): void {
  if (revisionId !== undefined && revisionId !== record.revisionId)
    throw new ThawError(
      'PreconditionFailed',
      'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id',
    )
  const busy = 'The operation cannot be performed at this time.'
  if (record.state.name === 'Pending')
    throw new ThawError('ResourceConflict', `${busy} The function is currently in the following state: Pending`)
  if (record.lastUpdate.status === 'InProgress')
    throw new ThawError('ResourceConflict', `${busy} An update is in progress for resource: ${arn}`)
}
