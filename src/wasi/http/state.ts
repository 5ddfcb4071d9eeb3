/** What the host holds of an instance's HTTP, beside its handles. Of one invocation. */
import type { HeaderList } from '../../http/message.ts'
import type { WasiLimits } from '../errors.ts'
import { Budget } from './budget.ts'
import { FieldMap } from './field-map.ts'
import { OutgoingPipe } from './outgoing-pipe.ts'

export class HttpState {
  readonly #limits: WasiLimits
  #budget: Budget
  /** Bodies that the guest writes and that are not whole yet. */
  readonly #pipes = new Set<OutgoingPipe>()

  constructor(limits: WasiLimits) {
    this.#limits = limits
    this.#budget = new Budget(limits.httpHeldBytes)
  }

  get heldBytes(): number {
    let bytes = this.#budget.used
    for (const pipe of this.#pipes) bytes += pipe.sinkBytes
    return bytes
  }

  newFields(): FieldMap {
    return new FieldMap(this.#limits, this.#budget)
  }

  /** Fields that came from outside. */
  receivedFields(list: HeaderList): FieldMap {
    return FieldMap.received(list, this.#limits, this.#budget)
  }

  newPipe(of: 'request' | 'response', contentLength: bigint | undefined): OutgoingPipe {
    return new OutgoingPipe(of, contentLength, this.#budget, this.#pipes)
  }

  /** The invocation is over: bodies that are not finished fail. */
  end(): void {
    for (const pipe of this.#pipes) pipe.close()
  }

  /** After all handles are closed: what a call took from the guest and then trapped over has no owner to let go of it. */
  clear(): void {
    this.#budget = new Budget(this.#limits.httpHeldBytes)
  }
}
