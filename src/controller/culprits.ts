export interface Culprits {
  /** A worker died while it ran this deployment. True when that makes it one too many. */
  blame(deployment: number): boolean
  forget(deployment: number): void
}

/** Ours: three workers within ten minutes are no accident. */
export const quarantineAfter = { deaths: 3, windowMs: 600_000 }

/** Who keeps costing workers. `nowMs`: monotonic. */
export function createCulprits(nowMs: () => number = () => performance.now()): Culprits {
  const deaths = new Map<number, number[]>()
  return {
    blame(deployment) {
      const now = nowMs()
      const recent = (deaths.get(deployment) ?? []).filter((at) => now - at < quarantineAfter.windowMs)
      recent.push(now)
      deaths.set(deployment, recent)
      return recent.length >= quarantineAfter.deaths
    },
    forget: (deployment) => void deaths.delete(deployment),
  }
}
