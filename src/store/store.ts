/**
 * The control plane's storage. Drivers: `sqlite.ts`; a clustered one later. Every driver passes test/store/contract.ts.
 *
 * Each mutation of something that exists takes the revision it expects and happens as a whole or not at all. What is
 * returned is durable. No call waits longer than the driver's stated time-out.
 */
import type { FunctionKey, FunctionRecord, FunctionState } from './records.ts'

export type Tags = Readonly<Record<string, string>>

export type NewFunction = Omit<FunctionRecord, 'deployment'>

/** Members left out stay as they are. */
export type FunctionChange = Partial<
  Pick<FunctionRecord, 'lastModified' | 'configuration' | 'code' | 'state' | 'lastUpdate' | 'live'>
> & {
  /** The revision that the change makes. */
  revisionId: string
  /** `next` gives the record a fresh deployment number. */
  deployment: 'keep' | 'next'
}

/** A version that is to be published: what $LATEST is, under the next number. */
export interface VersionDraft {
  /** Of the version. $LATEST gets one too: a publication counts as a change of it. */
  revisionId: string
  latestRevisionId: string
  /** Undefined: $LATEST's. */
  description: string | undefined
  state: FunctionState
}

export interface Publication {
  latest: FunctionRecord
  version: FunctionRecord
  /** False: $LATEST is what it was when it was published last, and `version` is that version, as it is. */
  isNew: boolean
}

export interface ListQuery {
  accountId: string
  /** Only names after this one. */
  after: string | undefined
  limit: number
  /** `$LATEST` only, or every version. `limit` counts functions, not versions. */
  versions: 'latest' | 'all'
}

export interface ListVersionsQuery extends Pick<FunctionKey, 'accountId' | 'functionName'> {
  /** Only versions after this one. */
  after: string | undefined
  limit: number
}

export interface AccountUsage {
  functionCount: number
  /** Sum of the package sizes of all versions. */
  codeBytes: number
}

export interface Store extends AsyncDisposable {
  /** With `first`, version 1 is published along with it. Throws `ResourceConflict` if the version exists. */
  createFunction(draft: NewFunction, first?: VersionDraft): Promise<FunctionRecord>
  getFunction(key: FunctionKey): Promise<FunctionRecord | undefined>
  /** Throws `PreconditionFailed` if the revision is not the expected one or the function is gone. */
  updateFunction(key: FunctionKey, expectedRevisionId: string, change: FunctionChange): Promise<FunctionRecord>
  /**
   * Changes $LATEST, if a change is given, and publishes what it then is: its code and configuration, not its build. The
   * version that was published last stands for it if nothing has changed since, the version is still there and has not
   * failed. Numbers start at 1 and are never used twice while the function exists. Throws as `updateFunction`.
   */
  publishVersion(
    key: Pick<FunctionKey, 'accountId' | 'functionName'>,
    expectedRevisionId: string,
    draft: VersionDraft,
    change?: FunctionChange,
  ): Promise<Publication>
  /** Of a number, not of $LATEST. Throws `PreconditionFailed` as above. */
  deleteVersion(key: FunctionKey, expectedRevisionId: string): Promise<void>
  /** $LATEST first, then by number. */
  listVersions(query: ListVersionsQuery): Promise<FunctionRecord[]>
  /** Deletes all versions and every document in the function's scope. Throws `PreconditionFailed` unless `$LATEST` has the expected revision. */
  deleteFunction(accountId: string, functionName: string, expectedRevisionId: string): Promise<void>
  /** Tags are the function's, not a version's: no revision changes. Throws `PreconditionFailed` if they are not `expected` or the function is gone. */
  setTags(accountId: string, functionName: string, expected: Tags, tags: Tags): Promise<void>
  /** In the order of the names (by code unit), `$LATEST` before numbers. */
  listFunctions(query: ListQuery): Promise<FunctionRecord[]>
  /** Pending or with an update in progress: what a crash of the controller left to be done, oldest first. */
  listUnsettled(): Promise<FunctionRecord[]>
  /** Whatever the data plane must be able to run, of all accounts. */
  listLive(): Promise<FunctionRecord[]>
  usage(accountId: string): Promise<AccountUsage>
  /** Content addresses (hex) of all packages that a record refers to, layers included. */
  listCode(): Promise<Set<string>>
}
