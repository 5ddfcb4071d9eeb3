/** Outgoing HTTP under control: nothing but what a function's allow-list names, and no more of it than the limits say. */
import { EgressError } from '../http/egress.ts'
import type { EgressClient, EgressExchange, EgressTimeouts } from '../http/egress.ts'
import type { HttpRequestHead } from '../http/message.ts'
import { describeRule } from './allow-list.ts'
import type { EgressRules } from './allow-list.ts'
import { InvocationBudget } from './budget.ts'
import { Connections } from './connections.ts'
import { shorter } from './deadline.ts'
import { defaultPorts, describeDestination, judge } from './destination.ts'
import type { Destination } from './destination.ts'
import { Exchange } from './exchange.ts'
import type { ExchangeContext } from './exchange.ts'
import type { EgressLimits } from './limits.ts'
import { checkRequest } from './request-head.ts'
import { notPublic, systemResolver } from './resolve.ts'
import type { Resolver } from './resolve.ts'

export interface EgressOptions {
  limits: EgressLimits
  /** How names are resolved: as the host does it, if left out. */
  resolver?: Resolver
  /** Certificates (PEM) of the authorities that servers' certificates are to come from: Node's own, if left out. */
  trusted?: readonly string[]
}

export interface InvocationEgress {
  /** The function's deployment: connections are kept for it and shared with no other key. */
  key: string
  rules: EgressRules
  /** Of this invocation; the worker's, if left out. */
  limits?: EgressLimits
  /** Ends all of it. */
  signal?: AbortSignal
}

/** The egress of a worker. */
export interface Egress {
  clientFor(invocation: InvocationEgress): EgressClient
  /** Functions that connections are held for. */
  readonly functions: number
  /** Ends everything, of all invocations. */
  close(): void
  [Symbol.dispose](): void
}

export function createEgress(options: EgressOptions): Egress {
  const connections = new Connections({
    limits: options.limits,
    resolver: options.resolver ?? systemResolver,
    trusted: options.trusted,
  })
  const worker = { running: 0 }
  const clients = new Set<EgressClient>()
  const close = (): void => {
    for (const client of clients) client.close()
    connections.close()
  }
  return {
    clientFor({ key, rules, limits = options.limits, signal }) {
      if (rules.http.length === 0) return deniedEgress()
      const budget = new InvocationBudget(limits, worker)
      const client = new InvocationClient({
        key,
        rules,
        limits,
        signal,
        budget,
        connections,
        onClose: () => clients.delete(client),
      })
      if (signal?.aborted) client.close()
      else clients.add(client)
      return client
    },
    get functions() {
      return connections.size
    },
    close,
    [Symbol.dispose]: close,
  }
}

/** Of a function without an allow-list: every request is refused, and the error says what would allow it. */
export function deniedEgress(): EgressClient {
  return {
    send(request, { hasBody }) {
      throw notListed(checkRequest(request, hasBody, Infinity).destination)
    },
    close() {},
  }
}

function notListed(destination: Destination): EgressError {
  const { scheme, host, port } = destination
  const rule = describeRule({
    scheme,
    host:
      host.kind === 'name'
        ? host
        : { kind: 'network', network: { address: host.address, bits: host.address.family === 4 ? 32 : 128 } },
    port: port === defaultPorts[scheme] ? undefined : port,
  })
  return new EgressError(
    'HTTP-request-denied',
    `egress is denied by default, and no entry of the function's allow-list names ${describeDestination(destination)}: ` +
      `allow "${rule}".`,
  )
}

interface ClientOptions {
  key: string
  rules: EgressRules
  limits: EgressLimits
  signal: AbortSignal | undefined
  budget: InvocationBudget
  connections: Connections
  onClose(): void
}

class InvocationClient implements EgressClient {
  readonly #options: ClientOptions
  readonly #running = new Set<EgressExchange>()
  #shared: ReturnType<Connections['use']> | undefined
  #closed = false

  constructor(options: ClientOptions) {
    this.#options = options
    options.signal?.addEventListener('abort', this.#abort, { once: true })
  }

  send(
    request: HttpRequestHead,
    { timeouts, hasBody }: { timeouts: EgressTimeouts; hasBody: boolean },
  ): EgressExchange {
    if (this.#closed) throw new EgressError('HTTP-request-denied', 'the invocation is over.')
    const { key, rules, limits, budget, connections } = this.#options
    const checked = checkRequest(request, hasBody, limits.egressHeaderBytes)
    const verdict = judge(rules.http, checked.destination)
    if (verdict === 'not-listed') throw notListed(checked.destination)
    if (verdict === 'not-public') throw notPublic(checked.destination)
    const release = budget.start()
    // Only now: most invocations send nothing.
    this.#shared ??= connections.use(key, rules)
    const exchange = new Exchange(checked, {
      connections: this.#shared.connections,
      budget,
      limits,
      deadlines: deadlines(timeouts, limits),
      ended: (ended) => {
        release()
        this.#running.delete(ended)
      },
    })
    this.#running.add(exchange)
    return exchange
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.signal?.removeEventListener('abort', this.#abort)
    for (const exchange of this.#running) exchange.cancel()
    this.#shared?.release()
    this.#options.onClose()
  }

  readonly #abort = (): void => this.close()
}

function deadlines(timeouts: EgressTimeouts, limits: EgressLimits): ExchangeContext['deadlines'] {
  const limit = (name: 'egressConnectMs' | 'egressFirstByteMs' | 'egressBetweenBytesMs' | 'egressTotalMs') => ({
    ms: limits[name],
    name,
  })
  return {
    connect: shorter(timeouts.connectMs, limit('egressConnectMs'), 'connect timeout'),
    firstByte: shorter(timeouts.firstByteMs, limit('egressFirstByteMs'), 'first byte timeout'),
    betweenBytes: shorter(timeouts.betweenBytesMs, limit('egressBetweenBytesMs'), 'timeout between bytes'),
    total: limit('egressTotalMs'),
  }
}
