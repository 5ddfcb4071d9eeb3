/**
 * The control plane's storage. Drivers: `sqlite.ts`; a clustered one later. Every driver passes test/store/contract.ts.
 *
 * Each mutation of something that exists takes the revision it expects and happens as a whole or not at all. What is
 * returned is durable. No call waits longer than the driver's stated time-out.
 */
import type { FunctionKey, FunctionRecord } from './records.ts'

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

export interface ListQuery {
  accountId: string
  /** Only names after this one. */
  after: string | undefined
  limit: number
  /** `$LATEST` only, or every version. `limit` counts functions, not versions. */
  versions: 'latest' | 'all'
}

export interface AccountUsage {
  functionCount: number
  /** Sum of the package sizes of all versions. */
  codeBytes: number
}

export interface Store extends AsyncDisposable {
  /** Throws `ResourceConflict` if the version exists. */
  createFunction(draft: NewFunction): Promise<FunctionRecord>
  getFunction(key: FunctionKey): Promise<FunctionRecord | undefined>
  /** Throws `PreconditionFailed` if the revision is not the expected one or the function is gone. */
  updateFunction(key: FunctionKey, expectedRevisionId: string, change: FunctionChange): Promise<FunctionRecord>
  /** Deletes all versions. Throws `PreconditionFailed` unless `$LATEST` has the expected revision. */
  deleteFunction(accountId: string, functionName: string, expectedRevisionId: string): Promise<void>
  /** In the order of the names (by code unit), `$LATEST` before numbers. */
  listFunctions(query: ListQuery): Promise<FunctionRecord[]>
  /** Pending or with an update in progress: what a crash of the controller left to be done, oldest first. */
  listUnsettled(): Promise<FunctionRecord[]>
  /** Whatever the data plane must be able to run, of all accounts. */
  listLive(): Promise<FunctionRecord[]>
  usage(accountId: string): Promise<AccountUsage>
  /** Content addresses (hex) of all packages that a record refers to. */
  listCode(): Promise<Set<string>>
}
