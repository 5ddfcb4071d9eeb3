/** What the operations on mappings take, once the API has checked the shape of the request. */
import type { FunctionTarget } from './invoker.ts'
import type { Mapping } from './record.ts'

/** Undefined: not sent. */
export interface MappingSettings {
  enabled: boolean | undefined
  batchSize: number | undefined
  batchingWindowSeconds: number | undefined
  /** Patterns; empty: no filter. */
  filters: readonly string[] | undefined
  reportsBatchItemFailures: boolean | undefined
  /** `none`: as many as there may be. */
  maximumConcurrency: number | 'none' | undefined
  parallelizationFactor: number | undefined
  bisectBatchOnFunctionError: boolean | undefined
  maximumRetryAttempts: number | undefined
  maximumRecordAgeSeconds: number | undefined
  /** ARN. `none`: failed batches of a stream are given up. */
  onFailure: string | 'none' | undefined
}

/** As the client named it. */
export interface MappedFunction extends FunctionTarget {
  functionArn: string
}

export interface CreateMappingInput extends MappingSettings {
  function: MappedFunction
  eventSourceArn: string
  queues: readonly string[]
  startingPosition: Mapping['startingPosition']
  startingPositionTimestamp: number | undefined
  tags: Readonly<Record<string, string>>
}

export interface UpdateMappingInput extends MappingSettings {
  function: MappedFunction | undefined
}
