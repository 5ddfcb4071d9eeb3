/** From the API's requests to the control plane's inputs. */
import { ThawError } from '../errors.ts'
import type {
  Architecture,
  ConfigurationInput,
  CreateFunctionInput,
  UpdateCodeInput,
  UpdateConfigurationInput,
} from '../functions/inputs.ts'
import type { CreateFunctionRequest, UpdateCodeRequest, UpdateConfigurationRequest } from './schemas.ts'
import { assertSupported } from './unsupported.ts'

type Configuration = Omit<UpdateConfigurationRequest, 'RevisionId'>

export function createFunctionInput(request: CreateFunctionRequest): CreateFunctionInput {
  assertSupported(request)
  assertSupported(request.Code)
  if (request.PackageType === 'Image')
    throw new ThawError(
      'InvalidParameterValue',
      'PackageType Image is not supported: upload a zip or a component as ZipFile.',
    )
  return {
    ...configurationInput(request),
    zipFile: decodeZip(request.Code.ZipFile, 'code.zipFile'),
    architecture: architecture(request.Architectures),
    tags: request.Tags ?? {},
    publish: request.Publish ?? false,
  }
}

export function updateCodeInput(request: UpdateCodeRequest): UpdateCodeInput {
  assertSupported(request)
  return {
    zipFile: decodeZip(request.ZipFile, 'zipFile'),
    architecture: architecture(request.Architectures),
    dryRun: request.DryRun ?? false,
    publish: request.Publish ?? false,
    revisionId: request.RevisionId,
  }
}

export function updateConfigurationInput(request: UpdateConfigurationRequest): UpdateConfigurationInput {
  assertSupported(request)
  return { ...configurationInput(request), revisionId: request.RevisionId }
}

function configurationInput(request: Configuration): ConfigurationInput {
  const logging = request.LoggingConfig
  if (logging !== undefined) assertSupported(logging)
  if (logging?.LogFormat === 'JSON')
    throw new ThawError('InvalidParameterValue', 'LoggingConfig.LogFormat JSON is not supported yet: use Text.')
  return {
    runtime: request.Runtime,
    handler: request.Handler,
    role: request.Role,
    description: request.Description,
    timeoutSeconds: request.Timeout,
    memoryMb: request.MemorySize,
    // `Environment: {}` empties it, as on AWS.
    environment: request.Environment === undefined ? undefined : (request.Environment.Variables ?? {}),
    ephemeralStorageMb: request.EphemeralStorage?.Size,
    tracingMode: request.TracingConfig?.Mode,
    snapStartApplyOn: request.SnapStart?.ApplyOn,
    logGroup: logging?.LogGroup,
    // `''` takes it away; an empty object leaves it (aws-recorded.json, test_dead_letter_queue).
    deadLetterTargetArn: request.DeadLetterConfig?.TargetArn,
    layers: request.Layers,
    // As with Environment: `Egress: {}` empties it.
    egress: request.Egress === undefined ? undefined : (request.Egress.Allow ?? []),
  }
}

const architecture = (list: string[] | undefined): Architecture | undefined =>
  list === undefined ? undefined : list[0] === 'arm64' ? 'arm64' : 'x86_64'

/** Undefined for undefined. Node's decoder skips what is no base64; a package must not be altered in silence. */
export function decodeZip(base64: string | undefined, member: string): Uint8Array | undefined {
  if (base64 === undefined) return undefined
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    throw new ThawError('InvalidRequestContent', `Could not parse request body into json: ${member} is no base64.`)
  return Buffer.from(base64, 'base64')
}
