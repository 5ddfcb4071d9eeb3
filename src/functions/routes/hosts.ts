/** Host names of routes: what may be one, what is the server's own, which of them mean the same requests. */
import type { Config } from '../../config.ts'
import { ThawError } from '../../errors.ts'

/** RFC 1035, section 2.3.4. */
const maxLength = 253
const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
/** Two labels at least, also behind the wildcard: nobody has all of `com`. */
const hostPattern = new RegExp(`^(\\*\\.)?(${label}\\.)+${label}$`)

const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

/** In lower case. Errors: `InvalidParameterValue` for what is neither a host name nor `*.` and one. */
export function parseRouteHost(text: string): string {
  const host = text.toLowerCase()
  if (host.length > maxLength || !hostPattern.test(host))
    throw invalid(
      `Host must be a name as api.example.com or *.example.com (international ones in Punycode, no port), and ${JSON.stringify(text)} is none.`,
    )
  // A last label of digits makes it an IPv4 address (WHATWG URL, "ends in a number"): those are the server's own.
  if (/\.\d+$/.test(host)) throw invalid(`Host must be a name, and ${text} is an address.`)
  return host
}

/** Of a Host header: lower case, without port and final dot. */
export function hostNameOf(header: string): string {
  return header.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase()
}

/** The name, or what is behind the wildcard. */
export const suffixOf = (host: string): string => (host.startsWith('*.') ? host.slice(2) : host)

/** Whether some host name is meant by both. A wildcard stands for one label or more. */
export function overlap(a: string, b: string): boolean {
  return a === b || covers(a, b) || covers(b, a)
}

/** Of two that differ: whether all that `host` means is below this wildcard. */
function covers(wildcard: string, host: string): boolean {
  return wildcard.startsWith('*.') && suffixOf(host).endsWith(wildcard.slice(1))
}

/** Names under which the server itself is reached: the API, and function URLs below theirs. Takes names and patterns. */
export function createOwnHostTest({
  host,
  apiHosts,
  functionUrlBase,
}: Pick<Config, 'host' | 'apiHosts' | 'functionUrlBase'>): (host: string) => boolean {
  const own = new Set(['localhost', host.toLowerCase(), ...apiHosts])
  const base = functionUrlBase?.includes('://') === true ? new URL(functionUrlBase).hostname : functionUrlBase
  return (host) => {
    const name = `.${suffixOf(host)}`
    // `<id>.lambda-url.<region>.localhost`, and whatever else the workers take for a function URL.
    return own.has(host) || name.includes('.lambda-url.') || (base !== undefined && name.endsWith(`.${base}`))
  }
}
