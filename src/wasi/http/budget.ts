/** What the host holds of a guest's HTTP fields and of bodies that nobody takes yet: bounded, for memory.grow is not asked. */
import { GuestLimit } from '../errors.ts'

export class Budget {
  readonly #most: number
  #used = 0

  constructor(most: number) {
    this.#most = most
  }

  get used(): number {
    return this.#used
  }

  take(bytes: number): void {
    if (this.#used + bytes > this.#most) {
      throw new GuestLimit(
        'httpHeldBytes',
        `the guest's HTTP fields and unsent bodies would take ${this.#used + bytes} bytes of the host, more than ${this.#most}`,
      )
    }
    this.#used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
  }
}
