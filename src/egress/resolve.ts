/** Names to addresses, each checked against the rules before anything connects to it. */
import { lookup } from 'node:dns/promises'
import { EgressError } from '../http/egress.ts'
import { parseAddress } from './addresses.ts'
import type { Address } from './addresses.ts'
import { describeRule } from './allow-list.ts'
import type { EgressRule } from './allow-list.ts'
import { describeDestination, judgeAddress } from './destination.ts'
import type { Destination } from './destination.ts'

/** All addresses of a name, in plain notation. Rejects if there are none; what with is not shown to the guest. */
export type Resolver = (name: string) => Promise<readonly string[]>

/** As the host's other programs resolve: DNS and /etc/hosts. In the order that the resolver gives. */
export async function systemResolver(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true, order: 'verbatim' })
  return found.map(({ address }) => address)
}

/** How long an answer is used again, ms: shorter than any sensible TTL, long enough for a burst of requests. */
const reuseMs = 5_000
/** Names remembered a function. */
const reuseNames = 64

/** RFC 6761: always loopback, whatever a server says. */
const localhost: readonly string[] = ['127.0.0.1', '::1']

/**
 * Lookups of a function at a time. `getaddrinfo` has half of libuv's threads for the whole worker: a function that asks
 * for names whose servers do not answer is to wait for itself.
 */
const lookups = 2

/** The names of one function. */
export class FunctionNames {
  readonly #resolver: Resolver
  readonly #timeoutMs: number
  readonly #known = new Map<string, { answer: Promise<readonly string[]>; until: number }>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(resolver: Resolver, timeoutMs: number) {
    this.#resolver = resolver
    this.#timeoutMs = timeoutMs
  }

  /**
   * The addresses that a connection to the destination may be made to. They are checked each time, remembered or not,
   * and refused as a whole if one of them is: which of them is connected to is not up to who answers for the name.
   * Rejects with EgressError.
   */
  async addresses(destination: Destination, rules: readonly EgressRule[]): Promise<Address[]> {
    const { host } = destination
    if (host.kind === 'address') return [host.address]
    const where = describeDestination(destination)
    const texts = host.name === 'localhost' ? localhost : await this.#answerInTime(host.name, where)
    const addresses = texts.map(parseAddress)
    if (addresses.length === 0) throw new EgressError('DNS-error', `${where}: the name has no address.`)
    if (!addresses.every((address) => address !== undefined)) {
      throw new EgressError('DNS-error', `${where}: the name resolves to what is no address.`)
    }
    if (addresses.some((address) => judgeAddress(rules, destination, address) !== 'allowed')) {
      throw notPublic(destination)
    }
    return addresses
  }

  #answerInTime(name: string, where: string): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new EgressError(
            'DNS-timeout',
            `${where}: the name was not resolved within ${this.#timeoutMs} ms (egressDnsMs).`,
          ),
        )
      }, this.#timeoutMs)
      this.#answer(name).then(
        (found) => {
          clearTimeout(timer)
          resolve(found)
        },
        (error: unknown) => {
          clearTimeout(timer)
          reject(new EgressError('DNS-error', `${where}: the name could not be resolved.`, { cause: error }))
        },
      )
    })
  }

  #answer(name: string): Promise<readonly string[]> {
    const now = performance.now()
    const known = this.#known.get(name)
    if (known !== undefined && known.until > now) return known.answer
    const answer = this.#inTurn(name, now + this.#timeoutMs)
    const entry = { answer, until: Infinity }
    this.#remember(name, entry)
    answer.then(
      () => {
        entry.until = performance.now() + reuseMs
      },
      () => {
        if (this.#known.get(name) === entry) this.#known.delete(name)
      },
    )
    return answer
  }

  async #inTurn(name: string, deadline: number): Promise<readonly string[]> {
    if (this.#running >= lookups) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#running += 1
    try {
      // Whoever asked has given up by now: the next in the queue is not to wait for it too.
      if (performance.now() > deadline) throw new Error('no turn in time')
      return await this.#resolver(name)
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }

  #remember(name: string, entry: { answer: Promise<readonly string[]>; until: number }): void {
    this.#known.delete(name)
    if (this.#known.size >= reuseNames) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
    this.#known.set(name, entry)
  }
}

export function notPublic(destination: Destination): EgressError {
  const example = describeRule({
    scheme: undefined,
    host: { kind: 'network', network: { address: { family: 4, text: '10.0.0.0' }, bits: 8 } },
    port: destination.port,
  })
  return new EgressError(
    'destination-IP-prohibited',
    `egress to ${describeDestination(destination)} is not allowed: its address is not a public one, and no entry of the ` +
      `allow-list names that address or its network for this port (as "${example}" does).`,
  )
}
