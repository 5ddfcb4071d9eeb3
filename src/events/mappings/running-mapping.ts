/** An enabled mapping at work: its source opened, read, and opened anew when it fails. */
import type { Logger } from 'pino'
import type { Limits } from '../../config.ts'
import type { EventSlots } from '../event-slots.ts'
import { compileCriteria } from '../filter/criteria.ts'
import type { InvokeFunction } from '../invoking.ts'
import type { EventSource, SourceDriver, SourceRecord, SourceSettings } from '../sources/source.ts'
import type { Timers } from '../timers.ts'
import { Backlog } from './backlog.ts'
import { createBatchInvoker, type FunctionTarget } from './invoker.ts'
import { laneOfKey, laneOfStream } from './lanes.ts'
import { backoffMs, pause } from './pause.ts'
import { Poller, type ProcessBatch } from './poller.ts'
import { createQueueBatches } from './queue-batches.ts'
import type { Mapping } from './record.ts'
import { createSourcePort, type SourcePort } from './source-port.ts'
import { createStreamBatches } from './stream-batches.ts'

export interface MappingRun {
  accountId: string
  mapping: Mapping
  driver: SourceDriver
}

/** What mappings need of others. */
export interface MappingCollaborators {
  invoke: InvokeFunction
  slots: EventSlots
  timers: Timers
  /** `RecursiveLoop: Allow` of the function. */
  allowsRecursion(target: FunctionTarget): Promise<boolean>
  /** Undefined: there is no such function, version or alias. */
  functionTimeoutMs(target: FunctionTarget): Promise<number | undefined>
  /** To an on-failure destination, a queue or function. Durable there when it resolves. */
  sendFailure(arn: string, message: { accountId: string; body: string; hops: number }): Promise<void>
  limits: Pick<Limits, 'payloadBytes' | 'recursionHops' | 'queueMessageBytes' | 'eventConcurrency'>
  logger: Logger
}

export interface RunningMapping {
  /** Resolves when opening the source was tried for the first time. */
  readonly tried: Promise<void>
  /** Lambda's `LastProcessingResult`. */
  readonly result: string
  /** What runs may end within `graceMs`, then it is ended and its records released. */
  stop(graceMs: number): Promise<void>
}

/** Ours: batches of a queue in work at first (AWS: 5 pollers). */
const initialConcurrency = 5
/** Ours: what an event has around its records. */
const envelopeBytes = 1_024
/** Ours: after the end of all that ran, how long the source may take to hear of it. */
const settleMs = 2_000

export function runMapping(
  run: MappingRun,
  mayTell: () => boolean,
  collaborators: MappingCollaborators,
): RunningMapping {
  const { accountId, mapping, driver } = run
  const { timers, functionTimeoutMs } = collaborators
  const logger = collaborators.logger.child({ mapping: mapping.uuid, functionName: mapping.functionName })
  const stopping = new AbortController()
  const tried = Promise.withResolvers<void>()
  let result = 'No records processed'
  let poller: Poller | undefined
  let source: EventSource | undefined

  const onProblem = (message: string): void => {
    result = `PROBLEM: ${message}`
  }

  const readOnce = async (): Promise<void> => {
    const timeoutMs = (await functionTimeoutMs({ accountId, ...mapping })) ?? shortestTimeoutMs
    source = await driver.open(sourceSettings(accountId, mapping, timeoutMs))
    tried.resolve()
    try {
      if (stopping.signal.aborted) return
      const parts = { ...run, source, timeoutMs, mayTell, logger, onProblem, onProcessed: () => (result = 'OK') }
      poller = createPoller(parts, collaborators)
      await poller.run()
    } finally {
      poller = undefined
      await close()
    }
  }

  const close = async (): Promise<void> => {
    const open = source
    source = undefined
    await open?.[Symbol.asyncDispose]()
  }

  const loop = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      const since = timers.now()
      try {
        await readOnce()
      } catch (error) {
        logger.warn({ err: error }, 'the event source of a mapping cannot be read')
        onProblem('The event source cannot be read')
      }
      tried.resolve()
      // What worked for a while has earned a quick new try.
      if (timers.now() - since > backoffMs(failures)) failures = 0
      await pause(timers, backoffMs(failures), stopping.signal)
    }
    tried.resolve()
  }

  const ended = loop()

  return {
    tried: tried.promise,
    get result() {
      return result
    },
    async stop(graceMs) {
      stopping.abort()
      poller?.stop()
      const waiting = new AbortController()
      void ended.then(() => waiting.abort())
      await pause(timers, graceMs, waiting.signal)
      poller?.abort()
      await pause(timers, settleMs, waiting.signal)
      // A broker that is away would hold up the end: closed, its driver gives up what it still tries.
      if (!waiting.signal.aborted) await close()
      await ended
    },
  }
}

/** For a function that is not there (any more): nothing will run. */
const shortestTimeoutMs = 3_000

export function sourceSettings(accountId: string, mapping: Mapping, functionTimeoutMs: number): SourceSettings {
  const { uuid, functionArn, eventSourceArn, queues, startingPosition, startingPositionTimestamp } = mapping
  const settings = { uuid, accountId, functionArn, eventSourceArn, queues, functionTimeoutMs }
  return { ...settings, startingPosition, startingPositionTimestamp }
}

interface PollerParts extends MappingRun {
  source: EventSource
  timeoutMs: number
  mayTell: () => boolean
  logger: Logger
  onProblem(message: string): void
  onProcessed(): void
}

function createPoller(parts: PollerParts, collaborators: MappingCollaborators): Poller {
  const { accountId, mapping, driver, source, timeoutMs, mayTell, logger, onProblem, onProcessed } = parts
  const { timers, limits } = collaborators
  const port = createSourcePort(source, mayTell, logger)
  const laneOf = driver.kind === 'stream' ? laneOfStream(mapping.parallelizationFactor) : laneOfKey
  const batchBytes = limits.payloadBytes - envelopeBytes
  const backlog = new Backlog({
    batchSize: mapping.batchSize,
    batchBytes,
    windowMs: mapping.batchingWindowSeconds * 1_000,
    laneOf,
    mixesLanes: driver.kind === 'queue',
  })
  const onThrottled = (): void => {
    if (driver.kind === 'queue') poller.throttled()
  }
  const poller = new Poller({
    source,
    port,
    backlog,
    criteria: compileCriteria(mapping.filters),
    process: createProcess({ parts, port, backlog, laneOf, onThrottled }, collaborators),
    concurrency: concurrencyOf(driver, mapping, limits),
    readAhead: driver.kind === 'stream' ? 1 : 0,
    batchSize: mapping.batchSize,
    batchBytes,
    // Sources hide records for the function's timeout at least.
    extendMs: Math.max(timeoutMs / 3, 300),
    timers,
    onProblem,
    onProcessed,
    logger: logger.child({ accountId }),
  })
  return poller
}

function concurrencyOf({ kind }: SourceDriver, mapping: Mapping, limits: MappingCollaborators['limits']) {
  if (kind === 'stream') return { initial: mapping.parallelizationFactor, max: mapping.parallelizationFactor }
  const max = mapping.maximumConcurrency ?? limits.eventConcurrency
  return { initial: Math.min(max, initialConcurrency), max }
}

interface ProcessParts {
  parts: PollerParts
  port: SourcePort
  backlog: Backlog
  laneOf(record: SourceRecord): string | undefined
  onThrottled(): void
}

function createProcess(process: ProcessParts, collaborators: MappingCollaborators): ProcessBatch {
  const { parts, port, backlog, laneOf, onThrottled } = process
  const { accountId, mapping, driver, onProblem, logger } = parts
  const { timers, sendFailure, limits } = collaborators
  const invoker = createBatchInvoker({
    ...collaborators,
    accountId,
    mapping,
    recursionHops: limits.recursionHops,
    event: port.event,
  })
  const common = { port, invoker, timers, onThrottled, onProblem }
  if (driver.kind === 'queue') {
    const removeLanes = (lanes: ReadonlySet<string>): SourceRecord[] => backlog.removeLanes(lanes)
    return createQueueBatches({ ...common, removeLanes, laneOf, ...mapping })
  }
  return createStreamBatches({
    ...common,
    mapping,
    sendFailure: (arn, body, hops) => sendFailure(arn, { accountId, body, hops }),
    messageBytes: limits.queueMessageBytes,
    logger,
  })
}
