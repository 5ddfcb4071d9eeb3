/** What an invocation may use of the network, and a worker of its sockets. */
import { EgressError } from '../http/egress.ts'
import type { EgressLimits } from './limits.ts'

/** Exchanges under way over all invocations of a worker. */
export interface WorkerCount {
  running: number
}

export class InvocationBudget {
  readonly #limits: EgressLimits
  readonly #worker: WorkerCount
  #running = 0
  #requests = 0
  #sent = 0
  #received = 0

  constructor(limits: EgressLimits, worker: WorkerCount) {
    this.#limits = limits
    this.#worker = worker
  }

  /** For one exchange. Returns what gives its place back. Errors: EgressError */
  start(): () => void {
    const { egressRequests, egressConcurrency, egressWorkerConcurrency } = this.#limits
    if (this.#requests >= egressRequests) {
      throw new EgressError(
        'HTTP-request-denied',
        `the invocation has sent ${egressRequests} requests, which is as many as it may (egressRequests).`,
      )
    }
    if (this.#running >= egressConcurrency) {
      throw new EgressError(
        'connection-limit-reached',
        `the invocation has ${egressConcurrency} requests under way, which is as many as it may (egressConcurrency).`,
      )
    }
    if (this.#worker.running >= egressWorkerConcurrency) {
      throw new EgressError(
        'connection-limit-reached',
        `${egressWorkerConcurrency} outgoing requests are under way, which is as many as a worker has ` +
          '(egressWorkerConcurrency).',
      )
    }
    this.#requests += 1
    this.#running += 1
    this.#worker.running += 1
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#running -= 1
      this.#worker.running -= 1
    }
  }

  /** Returns why the bytes cannot be sent any more. */
  send(bytes: number): string | undefined {
    this.#sent += bytes
    const { egressRequestBytes } = this.#limits
    if (this.#sent <= egressRequestBytes) return undefined
    return `the invocation's requests have more than ${egressRequestBytes} bytes together (egressRequestBytes)`
  }

  /** Returns why the bytes are not to be received. */
  receive(bytes: number): string | undefined {
    this.#received += bytes
    const { egressResponseBytes } = this.#limits
    if (this.#received <= egressResponseBytes) return undefined
    return `the responses that the invocation received have more than ${egressResponseBytes} bytes together (egressResponseBytes)`
  }
}
