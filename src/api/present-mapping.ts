/** A mapping as Lambda's API shows it. Which members there are depends on its source, as on AWS. */
import type { MappingView } from '../events/mappings/mappings.ts'
import type { Mapping } from '../events/mappings/record.ts'

/** Dates are seconds since the epoch here (shared/lambda/README.md, "Wire rules"). */
export function presentMapping(view: MappingView, region: string): Record<string, unknown> {
  const { accountId, mapping, kind } = view
  const { uuid } = mapping
  const service = mapping.eventSourceArn.split(':')[2]
  return {
    UUID: uuid,
    ...(kind === 'stream' ? streamMembers(mapping) : {}),
    BatchSize: mapping.batchSize,
    MaximumBatchingWindowInSeconds: mapping.batchingWindowSeconds,
    EventSourceArn: mapping.eventSourceArn,
    ...(mapping.filters.length === 0
      ? {}
      : { FilterCriteria: { Filters: mapping.filters.map((pattern) => ({ Pattern: pattern })) } }),
    FunctionArn: mapping.functionArn,
    LastModified: mapping.lastModified / 1_000,
    // AWS has none for SQS.
    ...(service === 'sqs' ? {} : { LastProcessingResult: view.lastProcessingResult }),
    State: mapping.state,
    StateTransitionReason: kind === 'stream' ? 'User action' : 'USER_INITIATED',
    ...(mapping.queues.length === 0 ? {} : { Queues: mapping.queues }),
    FunctionResponseTypes: mapping.reportsBatchItemFailures ? ['ReportBatchItemFailures'] : [],
    ...(mapping.maximumConcurrency === undefined
      ? {}
      : { ScalingConfig: { MaximumConcurrency: mapping.maximumConcurrency } }),
    EventSourceMappingArn: `arn:aws:lambda:${region}:${accountId}:event-source-mapping:${uuid}`,
  }
}

function streamMembers(mapping: Mapping) {
  const { startingPosition, startingPositionTimestamp, onFailure } = mapping
  return {
    ...(startingPosition === undefined ? {} : { StartingPosition: startingPosition }),
    ...(startingPositionTimestamp === undefined
      ? {}
      : { StartingPositionTimestamp: startingPositionTimestamp / 1_000 }),
    ParallelizationFactor: mapping.parallelizationFactor,
    DestinationConfig: { OnFailure: onFailure === undefined ? {} : { Destination: onFailure } },
    MaximumRecordAgeInSeconds: mapping.maximumRecordAgeSeconds,
    BisectBatchOnFunctionError: mapping.bisectBatchOnFunctionError,
    MaximumRetryAttempts: mapping.maximumRetryAttempts,
    TumblingWindowInSeconds: 0,
  }
}
