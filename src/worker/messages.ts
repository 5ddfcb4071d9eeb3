/**
 * What controller and worker say to each other over the IPC channel. It keeps order, so a worker that has acknowledged a
 * change, or was told to listen after it, has seen it. (The hot path needs no message: see memory/shared-page.ts.)
 */
import type { Config } from '../config.ts'
import type { FunctionSpec } from '../invocation.ts'

/** What changes in what a worker serves. `deployment`s are as in FunctionSpec. */
export type WorkerChange =
  | { put: FunctionSpec }
  | { remove: { accountId: string; functionName: string; version: string } }
  /** This deployment has cost too many workers: only the worker behind `socketPath` runs it from now on. */
  | { quarantine: { deployment: number; socketPath: string } }

export interface WorkerInit {
  config: Config
  /** The worker's record in the shared page. */
  index: number
  /** Nonzero; never used again while this page lives. What this worker's concurrency slots are held by. */
  incarnation: number
  pagePath: string
  artifactsDir: string
  /** Where what is no invocation goes. */
  controllerSocketPath: string
  changes: WorkerChange[]
  /** Tests only: the URL of a module whose `createRuntime` takes the place of instance/runtime.ts. */
  runtimeModule: string | undefined
}

/** Where a worker serves. `public` is absent for the quarantine worker; its port is shared (SO_REUSEPORT). */
export interface ListenAt {
  public: { host: string; port: number } | undefined
  socketPath: string
}

export type ToWorker =
  | { type: 'init'; init: WorkerInit }
  | { type: 'change'; id: number; change: WorkerChange }
  | { type: 'listen'; at: ListenAt }
  /** Finish what is open, within limits.drainMs, and exit. */
  | { type: 'drain' }

/** What one function's invocations came to since the last batch. Times in ms. */
export interface Usage {
  invocations: number
  errors: number
  throttles: number
  durationMs: number
  cpuMs: number
  /** AWS's unit of billing: configured memory in GB times billed duration in s. */
  gbSeconds: number
}

/** Logs and usage of a stretch of time, by function name. What a worker had not yet sent is lost when it is killed. */
export interface Batch {
  logs: Record<string, string>
  usage: Record<string, Usage>
}

export interface Notice {
  level: 'info' | 'warn' | 'error'
  message: string
  fields: Record<string, string | number>
}

export type FromWorker =
  /** The runtime is up, the first changes are in. */
  | { type: 'ready' }
  /** `port` is 0 without a public address. */
  | { type: 'listening'; port: number }
  /** It accepts no more, and exits when what is open is done. */
  | { type: 'draining' }
  | { type: 'ack'; id: number }
  | { type: 'batch'; batch: Batch }
  | { type: 'notice'; notice: Notice }
