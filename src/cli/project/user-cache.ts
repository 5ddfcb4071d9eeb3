import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** What commands keep for each other, where the XDG Base Directory Specification says; `THAW_CACHE` moves it. */
export function userCacheDir({ THAW_CACHE, XDG_CACHE_HOME }: NodeJS.ProcessEnv = process.env): string {
  if (THAW_CACHE !== undefined && THAW_CACHE !== '') return resolve(THAW_CACHE)
  const base = XDG_CACHE_HOME === undefined || XDG_CACHE_HOME === '' ? join(homedir(), '.cache') : XDG_CACHE_HOME
  return join(base, 'thaw')
}
