/**
 * What controller and worker say to each other over the IPC channel. It keeps order, so a worker that has acknowledged a
 * change, or was told to listen after it, has seen it. (The hot path needs no message: see memory/shared-page.ts.)
 */
import type { Config } from '../config.ts'
import type { AliasRoute, FunctionUrlRoute, HttpRoute, VersionKey } from '../functions/collaborators.ts'
import type { KeyChange } from '../identity/key-ring.ts'
import type { FunctionSpec } from '../invocation.ts'
import type { Usage } from '../store/usage.ts'

/** All that belongs to one function. */
export interface FunctionKey {
  accountId: string
  functionName: string
}

/** A version or alias of a function. */
export interface QualifiedKey extends FunctionKey {
  qualifier: string
}

/** Pristine instances for invocations by this qualifier, in one worker. */
export interface Held extends QualifiedKey {
  instances: number
}

/** What changes in what a worker serves. `deployment`s are as in FunctionSpec, `pool`s are of the shared page. */
export type WorkerChange =
  | { put: FunctionSpec }
  | { remove: VersionKey }
  /** All versions, aliases and pools. Its URLs and routes are removed one by one. */
  | { removeFunction: FunctionKey }
  | { putAlias: AliasRoute }
  | { removeAlias: FunctionKey & { alias: string } }
  /** What the account's functions without reserved concurrency draw on. */
  | { accountPool: { accountId: string; pool: number } }
  /** What a function with reserved concurrency draws on, instead of the account's. */
  | { functionPool: FunctionKey & { pool: number | undefined } }
  /** What invocations by this qualifier draw on first. */
  | { provisionedPool: QualifiedKey & { pool: number | undefined } }
  /** So many pristine instances this worker is to hold: its share of the provisioned concurrency. */
  | { hold: Held }
  | { putUrl: FunctionUrlRoute }
  | { removeUrl: { urlId: string } }
  | { putRoute: HttpRoute }
  | { removeRoute: { routeId: string } }
  /** Who may sign requests. */
  | KeyChange
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
  /** All at once: no request is served between two of them. */
  | { type: 'change'; id: number; changes: readonly WorkerChange[] }
  | { type: 'listen'; at: ListenAt }
  /** Finish what is open, within limits.drainMs, and exit. */
  | { type: 'drain' }

/** Logs and usage of a stretch of time, by `<accountId>/<functionName>`. What a worker had not yet sent is lost when it is killed. */
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
  /** How many of the instances that it was told to hold it has. */
  | { type: 'held'; held: Held[] }
  | { type: 'batch'; batch: Batch }
  | { type: 'notice'; notice: Notice }
