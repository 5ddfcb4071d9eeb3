/** What every resource of a handle table has. */
export interface Held {
  /** What it was derived from, and must not outlive. */
  readonly parent: Held | undefined
  /** Handles derived from this one that are still open; it must outlive them. */
  children: number
  /** Calls under way that borrowed it; only a call that waits can be seen by another. */
  lends: number
  /** Bytes the host holds for it, beside its handle. */
  readonly heldBytes?: number
  /** The guest dropped it, or its invocation is over: what stands behind it ends. Not called for what is handed over. */
  release?(): void
}

export function held<P extends Held | undefined>(parent: P): { readonly parent: P; children: number; lends: number } {
  return { parent, children: 0, lends: 0 }
}
