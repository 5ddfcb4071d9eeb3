/**
 * How tenants name a broker's source, and how the name finds the operator's address (docs/event-sources.md, "Brokers").
 * A tenant never sees or gives a URL.
 */
import { ThawError } from '../../errors.ts'

export interface SourceArn {
  service: string
  region: string
  accountId: string
  resource: string
}

const shape =
  /^arn:aws[a-z-]*:(?<service>[a-z-]+):(?<region>[a-z]{2}(?:-[a-z]+)+-\d):(?<accountId>\d{12}):(?<resource>.+)$/s

export function parseSourceArn(arn: string): SourceArn | undefined {
  const { service, region, accountId, resource } = shape.exec(arn)?.groups ?? {}
  if (service === undefined || region === undefined || accountId === undefined || resource === undefined)
    return undefined
  return { service, region, accountId, resource }
}

/** The operator's brokers, as a driver asks for them. */
export interface BrokerAddresses {
  /**
   * Where the broker of that name is. Errors: `InvalidParameterValue` if the ARN is of another account or region; if there
   * is no such broker, if it speaks another protocol, or if it is not for that account, which look the same.
   */
  locate(name: string, by: { accountId: string; eventSourceArn: string }, protocols: readonly string[]): URL
}

/**
 * `brokers` is from name to URL. `#accounts=111111111111,222222222222` at a URL's end gives the broker to these
 * accounts alone.
 */
export function createBrokerAddresses(brokers: Readonly<Record<string, string>>, region: string): BrokerAddresses {
  const known = new Map(
    Object.entries(brokers).map(([name, address]) => {
      const url = new URL(address)
      const listed = new URLSearchParams(url.hash.slice(1)).get('accounts')
      url.hash = ''
      return [name, { url, accounts: listed === null ? undefined : new Set(listed.split(',')) }]
    }),
  )
  return {
    locate(name, { accountId, eventSourceArn }, protocols) {
      const arn = parseSourceArn(eventSourceArn)
      if (arn?.accountId !== accountId || arn.region !== region)
        throw new ThawError('InvalidParameterValue', 'The event source ARN is of another account or region.')
      const broker = known.get(name)
      const open = broker !== undefined && (broker.accounts === undefined || broker.accounts.has(accountId))
      if (!open || !protocols.includes(broker.url.protocol))
        throw new ThawError(
          'InvalidParameterValue',
          `The event source ARN names the broker "${name}", which is not available to this account.`,
        )
      return new URL(broker.url)
    },
  }
}

export function credentialsOf(url: URL): { username: string | undefined; password: string | undefined } {
  const part = (text: string) => (text === '' ? undefined : decodeURIComponent(text))
  return { username: part(url.username), password: part(url.password) }
}
