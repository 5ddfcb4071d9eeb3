/** Connections to servers, kept for the next request of the same function and of no other. */
import { Agent } from 'node:http'
import type { AgentOptions, RequestOptions } from 'node:http'
import { connect as connectTcp } from 'node:net'
import type { LookupFunction, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Address } from './addresses.ts'
import type { EgressRule, EgressRules } from './allow-list.ts'
import type { Destination } from './destination.ts'
import { formatHost } from './host.ts'
import type { EgressLimits } from './limits.ts'
import { FunctionNames } from './resolve.ts'
import type { Resolver } from './resolve.ts'

/** A request's options with where it is to go: the agent connects to these addresses and looks nothing up. */
export interface PinnedOptions extends RequestOptions {
  destination: Destination
  addresses: readonly Address[]
}

/**
 * Ours: how long one of several addresses is tried. Node's quarter of a second gives up a server that is slow, or asked from
 * a busy process, for an address where nobody is.
 */
const attemptMs = 3_000

/** Of node:http's agent the keeping and handing out of sockets is used; how they are made is here. It knows no proxy. */
export class FunctionAgent extends Agent {
  readonly #trusted: readonly string[] | undefined

  constructor(options: AgentOptions, trusted: readonly string[] | undefined) {
    super(options)
    this.#trusted = trusted
  }

  override getName(options?: RequestOptions): string {
    const { scheme, host, port } = pinned(options).destination
    return `${scheme}://${formatHost(host)}:${port}`
  }

  override createConnection(options: RequestOptions): Socket {
    const { destination, addresses } = pinned(options)
    const { host, port } = destination
    const target = {
      host: host.kind === 'name' ? host.name : host.address.text,
      port,
      lookup: only(addresses),
      noDelay: true,
      autoSelectFamilyAttemptTimeout: attemptMs,
    }
    if (destination.scheme === 'http') return connectTcp(target)
    return connectTls({
      ...target,
      // An address has no name to ask for (RFC 6066); its certificate is checked against `host` either way.
      servername: host.kind === 'name' ? host.name : '',
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      // Said, so that NODE_TLS_REJECT_UNAUTHORIZED says nothing.
      rejectUnauthorized: true,
      ...(this.#trusted === undefined ? undefined : { ca: [...this.#trusted] }),
    })
  }

  /** Whether there are sockets at all, in use or idle. */
  get connected(): boolean {
    return Object.keys(this.sockets).length > 0 || Object.keys(this.freeSockets).length > 0
  }
}

function pinned(options: RequestOptions | undefined): PinnedOptions {
  if (options === undefined || !isPinned(options)) throw new TypeError('a request without checked addresses')
  return options
}

function isPinned(options: RequestOptions): options is PinnedOptions {
  return 'destination' in options && 'addresses' in options
}

/** A lookup that knows nothing but the addresses that were checked. */
function only(addresses: readonly Address[]): LookupFunction {
  const all = addresses.map(({ text, family }) => ({ address: text, family }))
  return (_name, options, callback) => {
    const [first] = all
    process.nextTick(() => {
      if (first === undefined) callback(new Error('no address'), '', 4)
      else if (options.all) callback(null, all)
      else callback(null, first.address, first.family)
    })
  }
}

/** What the invocations of one deployment of a function have in common, one after the other or at once. */
export interface FunctionConnections {
  readonly rules: readonly EgressRule[]
  readonly names: FunctionNames
  readonly agent: FunctionAgent
}

interface Entry extends FunctionConnections {
  /** Invocations that are using it. */
  users: number
  idle: NodeJS.Timeout | undefined
}

export interface ConnectionsOptions {
  limits: EgressLimits
  resolver: Resolver
  /** Certificates (PEM) that servers' are to be signed by; undefined: those that Node trusts. */
  trusted: readonly string[] | undefined
}

/** Those of a worker. */
export class Connections {
  readonly #options: ConnectionsOptions
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>()

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  /** Functions that connections, or answers of DNS, are kept for. */
  get size(): number {
    return this.#entries.size
  }

  /** The function's, until `release`. Another allow-list under the same key shares nothing with the first. */
  use(key: string, rules: EgressRules): { connections: FunctionConnections; release(): void } {
    const id = JSON.stringify([key, rules.http])
    const entry = this.#entries.get(id) ?? this.#create(rules)
    this.#entries.delete(id)
    this.#entries.set(id, entry)
    clearTimeout(entry.idle)
    entry.users += 1
    this.#evict()
    let released = false
    return {
      connections: entry,
      release: () => {
        if (released) return
        released = true
        entry.users -= 1
        if (entry.users === 0 && this.#entries.get(id) === entry) this.#retire(id, entry)
      },
    }
  }

  close(): void {
    for (const id of this.#entries.keys()) this.#drop(id)
  }

  #create(rules: EgressRules): Entry {
    const { limits, resolver, trusted } = this.#options
    const agent = new FunctionAgent(
      {
        keepAlive: true,
        maxFreeSockets: limits.egressIdleConnections,
        timeout: limits.egressIdleMs,
        scheduling: 'lifo',
      },
      trusted,
    )
    return {
      rules: rules.http,
      names: new FunctionNames(resolver, limits.egressDnsMs),
      agent,
      users: 0,
      idle: undefined,
    }
  }

  #retire(id: string, entry: Entry): void {
    // Cheap to make anew: kept for its connections only.
    if (!entry.agent.connected) {
      this.#entries.delete(id)
      return
    }
    entry.idle = setTimeout(() => this.#drop(id), this.#options.limits.egressIdleMs)
    entry.idle.unref()
  }

  #evict(): void {
    for (const [id, { users }] of this.#entries) {
      if (this.#entries.size <= this.#options.limits.egressIdleFunctions) return
      if (users === 0) this.#drop(id)
    }
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    clearTimeout(entry.idle)
    entry.agent.destroy()
  }
}
