/** Rules on what a mapping may be, beyond the shape of the request; defaults; AWS's words where it has them. */
import { ThawError } from '../../errors.ts'
import { functionTarget } from '../destinations.ts'
import { compileCriteria } from '../filter/criteria.ts'
import type { SourceDriver } from '../sources/source.ts'
import type { CreateMappingInput, MappingSettings, UpdateMappingInput } from './inputs.ts'
import type { Mapping } from './record.ts'

export const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

/** AWS: 10 records of a queue, 100 of a stream or broker. */
const defaultBatchSize = (arn: string): number => (isSqs(arn) ? 10 : 100)
/** AWS: five filters, ten on request. */
const maxFilters = 10
/** AWS: above this a batch needs a window. */
const windowlessBatchSize = 10
/** AWS: `MaximumRecordAgeInSeconds` is -1 or 60 and more. */
const minRecordAgeSeconds = 60

export const isSqs = (arn: string): boolean => arn.split(':')[2] === 'sqs'
const isFifo = (arn: string): boolean => isSqs(arn) && arn.endsWith('.fifo')

/** Errors: `InvalidParameterValue`. */
export function newMapping(uuid: string, input: CreateMappingInput, kind: SourceDriver['kind'], now: number): Mapping {
  assertStartingPosition(input, kind)
  const { function: target, eventSourceArn, startingPosition, startingPositionTimestamp } = input
  const mapping: Mapping = {
    uuid,
    eventSourceArn,
    queues: [...input.queues],
    functionName: target.functionName,
    qualifier: target.qualifier,
    functionArn: target.functionArn,
    enabled: true,
    state: 'Creating',
    lastModified: now,
    batchSize: defaultBatchSize(eventSourceArn),
    batchingWindowSeconds: 0,
    filters: [],
    reportsBatchItemFailures: false,
    ...(startingPosition === undefined ? {} : { startingPosition }),
    ...(startingPositionTimestamp === undefined ? {} : { startingPositionTimestamp }),
    parallelizationFactor: 1,
    bisectBatchOnFunctionError: false,
    maximumRetryAttempts: -1,
    maximumRecordAgeSeconds: -1,
    tags: { ...input.tags },
  }
  return withSettings(mapping, input, kind)
}

/** Errors: `InvalidParameterValue`. */
export function changedMapping(
  current: Mapping,
  input: UpdateMappingInput,
  kind: SourceDriver['kind'],
  now: number,
): Mapping {
  const { function: target } = input
  const changed = withSettings(current, input, kind)
  const state =
    changed.enabled === current.enabled ? 'Updating' : changed.enabled ? ('Enabling' as const) : ('Disabling' as const)
  if (target === undefined) return { ...changed, state, lastModified: now }
  const { functionName, qualifier, functionArn } = target
  return { ...changed, functionName, qualifier, functionArn, state, lastModified: now }
}

function withSettings(mapping: Mapping, input: MappingSettings, kind: SourceDriver['kind']): Mapping {
  assertFitting(input, kind)
  const { maximumConcurrency, onFailure, ...rest } = mapping
  const concurrency = input.maximumConcurrency ?? maximumConcurrency ?? 'none'
  const destination = input.onFailure ?? onFailure ?? 'none'
  const changed: Mapping = {
    ...rest,
    enabled: input.enabled ?? mapping.enabled,
    batchSize: input.batchSize ?? mapping.batchSize,
    batchingWindowSeconds: input.batchingWindowSeconds ?? mapping.batchingWindowSeconds,
    filters: [...(input.filters ?? mapping.filters)],
    reportsBatchItemFailures: input.reportsBatchItemFailures ?? mapping.reportsBatchItemFailures,
    ...(concurrency === 'none' ? {} : { maximumConcurrency: concurrency }),
    parallelizationFactor: input.parallelizationFactor ?? mapping.parallelizationFactor,
    bisectBatchOnFunctionError: input.bisectBatchOnFunctionError ?? mapping.bisectBatchOnFunctionError,
    maximumRetryAttempts: input.maximumRetryAttempts ?? mapping.maximumRetryAttempts,
    maximumRecordAgeSeconds: input.maximumRecordAgeSeconds ?? mapping.maximumRecordAgeSeconds,
    ...(destination === 'none' ? {} : { onFailure: destination }),
  }
  assertBatch(changed)
  if (changed.filters.length > maxFilters) throw invalid(`FilterCriteria can hold ${maxFilters} filters at most.`)
  compileCriteria(changed.filters)
  return changed
}

function assertBatch({ eventSourceArn, batchSize, batchingWindowSeconds, maximumRecordAgeSeconds }: Mapping): void {
  // AWS: FIFO queues have no window, so no more than ten.
  if (isFifo(eventSourceArn) && batchingWindowSeconds > 0)
    throw invalid('Batching window is not supported for FIFO queues.')
  if (isSqs(eventSourceArn) && batchSize > windowlessBatchSize && batchingWindowSeconds === 0)
    throw invalid(
      `Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than ${windowlessBatchSize}`,
    )
  if (maximumRecordAgeSeconds !== -1 && maximumRecordAgeSeconds < minRecordAgeSeconds)
    throw invalid(`MaximumRecordAgeInSeconds must be -1 or at least ${minRecordAgeSeconds}.`)
}

const unsupported = (member: string) => invalid(`Unsupported ${member} parameter for given event source mapping type.`)

/** What is for streams only, and for queues only. */
function assertFitting(input: MappingSettings, kind: SourceDriver['kind']): void {
  const { onFailure } = input
  if (kind === 'stream') {
    if (typeof input.maximumConcurrency === 'number') throw unsupported('ScalingConfig')
    if (onFailure !== undefined && onFailure !== 'none') assertDestination(onFailure)
    return
  }
  if (onFailure !== undefined && onFailure !== 'none') throw unsupported('DestinationConfig')
  if (input.parallelizationFactor !== undefined) throw unsupported('ParallelizationFactor')
  if (input.bisectBatchOnFunctionError !== undefined) throw unsupported('BisectBatchOnFunctionError')
  if (input.maximumRetryAttempts !== undefined) throw unsupported('MaximumRetryAttempts')
  if (input.maximumRecordAgeSeconds !== undefined) throw unsupported('MaximumRecordAgeInSeconds')
}

function assertDestination(arn: string): void {
  if (functionTarget(arn) !== undefined || (isSqs(arn) && !isFifo(arn))) return
  throw invalid(`${arn} is not supported as a destination: name a standard queue of Thaw's or a function.`)
}

function assertStartingPosition(input: CreateMappingInput, kind: SourceDriver['kind']): void {
  const { startingPosition, startingPositionTimestamp } = input
  if (kind === 'queue') {
    if (startingPosition !== undefined) throw unsupported('StartingPosition')
    if (startingPositionTimestamp !== undefined) throw unsupported('StartingPositionTimestamp')
    return
  }
  if ((startingPosition === 'AT_TIMESTAMP') === (startingPositionTimestamp !== undefined)) return
  throw invalid('StartingPositionTimestamp is for the starting position AT_TIMESTAMP, and it needs it.')
}
