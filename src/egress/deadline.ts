/** A time limit under its name, as the error says it. */
export interface Deadline {
  ms: number
  name: string
}

/** The shorter of the two: a guest's timeout never lengthens the host's. */
export function shorter(guestMs: number | undefined, limit: Deadline, guestName: string): Deadline {
  if (guestMs === undefined || guestMs >= limit.ms) return limit
  return { ms: Math.max(0, guestMs), name: `the request's own ${guestName}` }
}

/** One timer at a time. */
export class Alarm {
  #timer: NodeJS.Timeout | undefined

  set(ms: number, ring: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(ring, ms)
  }

  /** Starts the time anew, if it runs. */
  refresh(): void {
    this.#timer?.refresh()
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
