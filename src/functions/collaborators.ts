/** What the control plane needs of others, passed in by the controller. */
import type { KeyChange } from '../identity/key-ring.ts'
import type { FunctionSpec } from '../invocation.ts'
import type { Statement } from '../store/policies.ts'
import type { Runtime } from '../store/records.ts'

export interface BuildRequest {
  runtime: Runtime
  handler: string
  /** Absolute path of the uploaded package, whole and verified. */
  codePath: string
  /** As `codePath`, of the layers below it: what is in a later one hides what is in an earlier one. */
  layerPaths: readonly string[]
}

export interface BuildOutput {
  /** Content addresses, as in FunctionSpec. */
  engine: string
  snapshot: string
  files?: string | undefined
  /** With what the component is called; absent: an event. */
  entry?: 'http-0.2' | 'http-0.3' | undefined
  /** What the snapshot's memories and tables hold: the function cannot run with less. */
  snapshotMemoryBytes: number
  initMs: number
  warnings: string[]
  /** An earlier build of the same input was found. */
  cached: boolean
}

/** Package to engine and snapshot. Throws `ThawError('Build', reason)`; the reason is shown to the function's owner. */
export interface Builder {
  build(request: BuildRequest, signal?: AbortSignal): Promise<BuildOutput>
}

export interface VersionKey {
  accountId: string
  functionName: string
  /** `$LATEST` or a number. */
  version: string
}

/** What an alias stands for. `additional` gets `weight` (0 to 1) of the invocations, `version` the rest. */
export interface AliasRoute {
  accountId: string
  functionName: string
  alias: string
  version: string
  additional: { version: string; weight: number } | undefined
}

/** A function URL as the data plane serves it. */
export interface FunctionUrlRoute {
  accountId: string
  functionName: string
  /** An alias, or `$LATEST`. */
  qualifier: string
  /** 32 lower-case letters and digits; the first label of the host name. */
  urlId: string
  authType: 'NONE' | 'AWS_IAM'
  /** AuthType NONE only: the resource policy lets everybody in. Without it every request is refused. */
  isPublic: boolean
  /** AuthType AWS_IAM only: by what callers of other accounts are judged. */
  statements: readonly Statement[]
  invokeMode: 'BUFFERED' | 'RESPONSE_STREAM'
  cors: FunctionUrlCors | undefined
}

export interface FunctionUrlCors {
  allowCredentials: boolean | undefined
  allowHeaders: readonly string[] | undefined
  allowMethods: readonly string[] | undefined
  allowOrigins: readonly string[] | undefined
  exposeHeaders: readonly string[] | undefined
  maxAgeSeconds: number | undefined
}

/** A route as the data plane serves it: requests to a host and a path, answered by a function as its URL's are. */
export interface HttpRoute {
  /** 10 lower-case letters and digits. */
  routeId: string
  accountId: string
  functionName: string
  /** An alias, a version's number, or `$LATEST`. */
  qualifier: string
  /** Lower case: `api.example.com`, or `*.example.com` for whatever is below it. */
  host: string
  /** `/users/*`: functions/routes/paths.ts. */
  path: string
  /** Upper case. Empty: all. */
  methods: readonly string[]
  authType: 'NONE' | 'AWS_IAM'
  /** AuthType AWS_IAM only: by what callers of other accounts are judged. */
  statements: readonly Statement[]
  invokeMode: 'BUFFERED' | 'RESPONSE_STREAM'
}

export type DataPlaneChange =
  | { put: FunctionSpec }
  /** One version. */
  | { remove: VersionKey }
  /** All versions, aliases, URLs and settings. */
  | { removeFunction: { accountId: string; functionName: string } }
  | { putAlias: AliasRoute }
  | { removeAlias: { accountId: string; functionName: string; alias: string } }
  /** `concurrency` undefined: the function draws on its account's unreserved concurrency. */
  | { reserve: { accountId: string; functionName: string; concurrency: number | undefined } }
  /** 0 ends it. */
  | { provision: { accountId: string; functionName: string; qualifier: string; concurrency: number } }
  | { putUrl: FunctionUrlRoute }
  | { removeUrl: { urlId: string } }
  /** In place of what had this id. */
  | { putRoute: HttpRoute }
  | { removeRoute: { routeId: string } }
  /** Who may sign requests. */
  | KeyChange

export interface DataPlane {
  /** Resolves when every live worker has acknowledged: from then on no new invocation sees the old state. */
  publish(change: DataPlaneChange): Promise<void>
  /** Pristine instances held now for a provisioned qualifier, over all workers. */
  provisioned(target: { accountId: string; functionName: string; qualifier: string }): Promise<number>
}

export interface Clock {
  now(): Date
}
