/** Whose requests are taken: the configuration's `auth`, resolved. */
import { isIPv4 } from 'node:net'
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { Caller } from './request.ts'

export type AuthMode = 'dev' | 'accounts'

/** Throws `Config` for dev mode on an address that others can reach: it takes anybody's requests. */
export function authModeOf({ auth, host }: Pick<Config, 'auth' | 'host'>): AuthMode {
  if (auth === 'auto') return isLoopback(host) ? 'dev' : 'accounts'
  if (auth === 'dev' && !isLoopback(host))
    throw new ThawError(
      'Config',
      `Dev mode takes anybody's requests, so it is for loopback addresses only, and ${host} is none.`,
    )
  return auth
}

/** Who everybody is in dev mode; undefined where requests have to be signed. */
export function devCaller(config: Pick<Config, 'auth' | 'host' | 'accountId'>): Caller | undefined {
  return authModeOf(config) === 'dev' ? { accountId: config.accountId, accessKeyId: undefined } : undefined
}

/** 127.0.0.0/8 and ::1 (RFC 5735, RFC 4291), and the name for them. Anything else counts as public. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
