/** What functions used, in sums by month. */

/** Times in ms. */
export interface Usage {
  invocations: number
  errors: number
  throttles: number
  durationMs: number
  cpuMs: number
  /** AWS's unit of billing: configured memory in GB times billed duration in s. */
  gbSeconds: number
}

export interface UsageRecord extends Usage {
  accountId: string
  functionName: string
  /** UTC: `2026-05`. */
  month: string
}

export interface UsageStore {
  /** Adds to what there is: all of it or nothing, durable when it resolves. */
  add(records: readonly UsageRecord[]): Promise<void>
  /** By name and month; functions that were deleted since included. */
  list(accountId: string): Promise<UsageRecord[]>
}

/** `a` undefined counts as nothing. */
export function sum(a: Usage | undefined, b: Usage): Usage {
  return {
    invocations: (a?.invocations ?? 0) + b.invocations,
    errors: (a?.errors ?? 0) + b.errors,
    throttles: (a?.throttles ?? 0) + b.throttles,
    durationMs: (a?.durationMs ?? 0) + b.durationMs,
    cpuMs: (a?.cpuMs ?? 0) + b.cpuMs,
    gbSeconds: (a?.gbSeconds ?? 0) + b.gbSeconds,
  }
}
