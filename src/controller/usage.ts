import type { Usage } from '../worker/messages.ts'

/** What functions used since the server started, by name. In memory: storing it comes with the metering tables. */
export interface UsageCounters {
  add(batch: Record<string, Usage>): void
  totals(): Record<string, Usage>
}

export function createUsageCounters(): UsageCounters {
  const totals = new Map<string, Usage>()
  return {
    add(batch) {
      for (const [functionName, used] of Object.entries(batch)) {
        const total = totals.get(functionName)
        totals.set(functionName, total === undefined ? used : sum(total, used))
      }
    },
    totals: () => Object.fromEntries(totals),
  }
}

function sum(a: Usage, b: Usage): Usage {
  return {
    invocations: a.invocations + b.invocations,
    errors: a.errors + b.errors,
    throttles: a.throttles + b.throttles,
    durationMs: a.durationMs + b.durationMs,
    cpuMs: a.cpuMs + b.cpuMs,
    gbSeconds: a.gbSeconds + b.gbSeconds,
  }
}
