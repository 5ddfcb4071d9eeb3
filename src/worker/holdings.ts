/** The instances that a worker holds pristine for provisioned concurrency: what is wanted, made so, and told. */
import type { FunctionRuntime } from '../instance/runtime.ts'
import type { FunctionSpec } from '../invocation.ts'
import type { Held } from './messages.ts'
import type { SpecTable } from './spec-table.ts'

export interface HoldingsOptions {
  table: Pick<SpecTable, 'holdings'>
  runtime: Pick<FunctionRuntime, 'hold'>
  /** All that is held, whenever it may have changed. */
  report: (held: Held[]) => void
}

export interface Holdings {
  /** The table may want something else now. */
  changed(): void
}

export function createHoldings({ table, runtime, report }: HoldingsOptions): Holdings {
  /** By deployment, what the runtime was told to hold, and what it has. */
  const held = new Map<number, { spec: FunctionSpec; wanted: number; has: number }>()
  let working = false
  let again = false

  /** One deployment after the other: each instance is made in a turn of its own, and callers come first. */
  const work = async (): Promise<void> => {
    const wanted = new Map<number, { spec: FunctionSpec; instances: number }>()
    const holdings = [...table.holdings()]
    for (const { of } of holdings) {
      for (const { spec, instances } of of)
        wanted.set(spec.deployment, { spec, instances: instances + (wanted.get(spec.deployment)?.instances ?? 0) })
    }
    for (const [deployment, { spec }] of held) {
      if (wanted.has(deployment)) continue
      held.delete(deployment)
      await runtime.hold(spec, 0)
    }
    for (const [deployment, { spec, instances }] of wanted) {
      const before = held.get(deployment)
      if (before?.wanted === instances && before.has === instances) continue
      held.set(deployment, { spec, wanted: instances, has: await runtime.hold(spec, instances) })
    }
    report(
      holdings.map(({ accountId, functionName, qualifier, of }) => {
        let instances = 0
        for (const part of of) {
          const { wanted: all, has } = held.get(part.spec.deployment) ?? { wanted: 1, has: 0 }
          instances += Math.floor((part.instances * has) / all)
        }
        return { accountId, functionName, qualifier, instances }
      }),
    )
  }

  const run = async (): Promise<void> => {
    working = true
    while (again) {
      again = false
      await work()
    }
    working = false
  }

  return {
    changed() {
      if (held.size === 0 && table.holdings().next().done === true) return
      again = true
      if (!working) void run()
    },
  }
}
