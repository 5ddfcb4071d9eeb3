/** The response to an outgoing request, as it comes to be there. */
import { EgressError } from '../../http/egress.ts'
import type { EgressExchange, EgressResponse } from '../../http/egress.ts'
import type { Readiness } from '../io/condition.ts'
import type { ErrorCode } from './error-code.ts'
import { codeOfEgress } from './errors.ts'

export type Settled =
  | { readonly tag: 'ok'; readonly val: EgressResponse }
  | { readonly tag: 'err'; readonly val: ErrorCode }

export class ResponseFuture implements Readiness {
  readonly #exchange: EgressExchange
  readonly #callbacks = new Set<() => void>()
  #state: 'pending' | 'settled' | 'taken' | 'cancelled' = 'pending'
  #settled: Settled | undefined

  constructor(exchange: EgressExchange) {
    this.#exchange = exchange
    exchange.response.then(
      (val) => this.#settle({ tag: 'ok', val }),
      (error: unknown) => this.#settle({ tag: 'err', val: codeOf(error) }),
    )
  }

  isReady(): boolean {
    return this.#state !== 'pending'
  }

  onChange(callback: () => void): () => void {
    const own = (): void => callback()
    this.#callbacks.add(own)
    return () => void this.#callbacks.delete(own)
  }

  /** Once; 'taken' from then on, undefined before it is there. */
  take(): Settled | 'taken' | undefined {
    const settled = this.#settled
    if (settled === undefined) return this.#state === 'pending' ? undefined : 'taken'
    this.#settled = undefined
    this.#state = 'taken'
    return settled
  }

  /** Nobody wants the response any more; without effect once it was taken. */
  cancel(): void {
    if (this.#state === 'taken' || this.#state === 'cancelled') return
    if (this.#settled?.tag === 'ok') this.#settled.val.body.cancel()
    this.#settled = undefined
    this.#state = 'cancelled'
    this.#exchange.cancel()
  }

  #settle(settled: Settled): void {
    if (this.#state === 'cancelled') {
      if (settled.tag === 'ok') settled.val.body.cancel()
      return
    }
    this.#settled = settled
    this.#state = 'settled'
    const callbacks = [...this.#callbacks]
    this.#callbacks.clear()
    for (const callback of callbacks) callback()
  }
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof EgressError ? codeOfEgress(error) : { tag: 'internal-error', val: undefined }
}
