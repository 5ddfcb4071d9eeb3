/** One who waits to be called, in a later turn of the event loop than the one that gave the reason. */
export class Wake {
  #callback: (() => void) | undefined
  #planned: NodeJS.Immediate | undefined
  /** Whether there is a reason at this moment. */
  readonly #isDue: () => boolean

  constructor(isDue: () => boolean) {
    this.#isDue = isDue
  }

  /** @returns takes the callback back */
  wait(callback: () => void): () => void {
    this.#callback = callback
    this.check()
    return () => {
      if (this.#callback === callback) this.#callback = undefined
    }
  }

  /** There may be a reason now. */
  check(): void {
    if (this.#callback === undefined || this.#planned !== undefined || !this.#isDue()) return
    this.#planned = setImmediate(() => {
      this.#planned = undefined
      const callback = this.#callback
      this.#callback = undefined
      callback?.()
    })
  }
}
