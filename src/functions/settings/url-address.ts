/** Where function URLs are served: a host name of its own for each, so that browsers keep them apart. */
import { randomInt } from 'node:crypto'
import type { Config } from '../../config.ts'

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** 32 characters of 36: 165 bits, nobody guesses one. */
export const newUrlId = (): string => Array.from({ length: 32 }, () => alphabet[randomInt(alphabet.length)]).join('')

export interface UrlAddressOptions {
  config: Pick<Config, 'functionUrlBase' | 'region' | 'port'>
  /** Where the server is reached, once it listens. */
  publicUrl(): string | undefined
}

/** From a URL's id to the URL: `http://<urlId>.lambda-url.<region>.localhost:<port>/`. */
export function createUrlAddress({ config, publicUrl }: UrlAddressOptions): (urlId: string) => string {
  const base = config.functionUrlBase ?? `lambda-url.${config.region}.localhost`
  return (urlId) => {
    if (base.includes('://')) {
      const { protocol, host } = new URL(base)
      return `${protocol}//${urlId}.${host}/`
    }
    const { protocol, port } = new URL(publicUrl() ?? `http://localhost:${config.port}`)
    return new URL(`${protocol}//${urlId}.${base}${port === '' ? '' : `:${port}`}/`).href
  }
}
