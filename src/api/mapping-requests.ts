/** From requests on event source mappings to the inputs of the operations. */
import { ThawError } from '../errors.ts'
import type {
  CreateMappingInput,
  MappedFunction,
  MappingSettings,
  UpdateMappingInput,
} from '../events/mappings/inputs.ts'
import type { CreateMappingRequest, UpdateMappingRequest } from './mapping-schemas.ts'

/** What Lambda has and Thaw does not: refused by name, never ignored. */
const reasons = {
  KMSKeyArn: 'there is no KMS here',
  MetricsConfig: 'metrics of mappings are not kept',
  LoggingConfig: 'mappings log to the server',
  SourceAccessConfigurations: "brokers and their credentials are in the server's configuration",
  AmazonManagedKafkaEventSourceConfig: 'Kafka is not read from',
  SelfManagedKafkaEventSourceConfig: 'Kafka is not read from',
  DocumentDBEventSourceConfig: 'DocumentDB is not read from',
  ProvisionedPollerConfig: 'pollers are not provisioned',
  Topics: 'Kafka is not read from',
  SelfManagedEventSource: 'Kafka is not read from',
} as const

const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

/** Errors: `InvalidParameterValue`. */
export function createInput(request: CreateMappingRequest, target: MappedFunction): CreateMappingInput {
  assertSupported(request)
  const { EventSourceArn: eventSourceArn, StartingPositionTimestamp: seconds } = request
  if (eventSourceArn === undefined) throw invalid('Unrecognized event source.')
  const isBroker = eventSourceArn.split(':')[2] === 'mq'
  if (request.Queues !== undefined && !isBroker)
    throw invalid('Unsupported Queues parameter for given event source mapping type.')
  return {
    ...settingsOf(request),
    function: target,
    eventSourceArn,
    queues: request.Queues ?? [],
    startingPosition: request.StartingPosition,
    startingPositionTimestamp: seconds === undefined ? undefined : Math.round(seconds * 1_000),
    tags: request.Tags ?? {},
  }
}

/** Errors: `InvalidParameterValue`. */
export function updateInput(request: UpdateMappingRequest, target: MappedFunction | undefined): UpdateMappingInput {
  assertSupported(request)
  return { ...settingsOf(request), function: target }
}

function settingsOf(request: UpdateMappingRequest): MappingSettings {
  const { FilterCriteria: criteria, ScalingConfig: scaling, DestinationConfig: destinations } = request
  // AWS's words.
  if (destinations?.OnSuccess?.Destination !== undefined)
    throw invalid('Unsupported DestinationConfig parameter for given event source mapping type.')
  if (request.TumblingWindowInSeconds !== undefined && request.TumblingWindowInSeconds > 0)
    throw invalid('TumblingWindowInSeconds is not supported: functions keep no state between windows.')
  return {
    enabled: request.Enabled,
    batchSize: request.BatchSize,
    batchingWindowSeconds: request.MaximumBatchingWindowInSeconds,
    // A filter without a pattern is none that AWS takes.
    filters: criteria === undefined ? undefined : (criteria.Filters ?? []).map(({ Pattern: pattern }) => pattern ?? ''),
    reportsBatchItemFailures:
      request.FunctionResponseTypes === undefined ? undefined : request.FunctionResponseTypes.length > 0,
    maximumConcurrency: scaling === undefined ? undefined : (scaling.MaximumConcurrency ?? 'none'),
    parallelizationFactor: request.ParallelizationFactor,
    bisectBatchOnFunctionError: request.BisectBatchOnFunctionError,
    maximumRetryAttempts: request.MaximumRetryAttempts,
    maximumRecordAgeSeconds: request.MaximumRecordAgeInSeconds,
    // `OnFailure: {}` takes it away.
    onFailure: destinations?.OnFailure === undefined ? undefined : destinations.OnFailure.Destination || 'none',
  }
}

function assertSupported(request: Readonly<Record<string, unknown>>): void {
  for (const [name, reason] of Object.entries(reasons)) {
    const value = request[name]
    if (!saysNothing(value)) throw invalid(`${name} is not supported: ${reason}.`)
  }
}

/** Tools send empty lists and objects for what they do not use. */
function saysNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (typeof value !== 'object') return false
  return Object.values(value).every(saysNothing)
}
