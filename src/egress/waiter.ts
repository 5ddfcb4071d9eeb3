/** The one callback of a body that waits: called once, in a later turn of the event loop than it was left in. */
export class Waiter {
  #callback: (() => void) | undefined
  #immediate: NodeJS.Immediate | undefined

  /** `ready`: what is waited for is there already. Returns what takes the callback back. */
  wait(callback: () => void, ready: boolean): () => void {
    this.#callback = callback
    if (ready) this.wake()
    return () => {
      if (this.#callback !== callback) return
      this.#callback = undefined
      clearImmediate(this.#immediate)
      this.#immediate = undefined
    }
  }

  wake(): void {
    if (this.#callback === undefined || this.#immediate !== undefined) return
    this.#immediate = setImmediate(() => {
      const callback = this.#callback
      this.#callback = undefined
      this.#immediate = undefined
      callback?.()
    })
  }
}
