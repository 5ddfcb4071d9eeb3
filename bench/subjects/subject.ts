import type { LoadTarget } from '../load/plan.ts'
import type { ServerProcess } from './process.ts'

/** A server under load: where to send, and what it costs. Disposing of it ends its processes. */
export interface Subject extends AsyncDisposable {
  readonly target: LoadTarget
  /** Time on the processor so far, all its processes; undefined where that cannot be known. */
  cpuMs(): number | undefined
}

export function subjectOf(processes: readonly ServerProcess[], target: LoadTarget): Subject {
  return {
    target,
    cpuMs: () => cpuMsOf(processes),
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()))
    },
  }
}

function cpuMsOf(processes: readonly ServerProcess[]): number | undefined {
  let sum = 0
  for (const process of processes) {
    const cpuMs = process.cpuMs()
    if (cpuMs === undefined) return undefined
    sum += cpuMs
  }
  return sum
}
