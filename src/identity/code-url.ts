/** Links to packages (`Code.Location`): whoever has one may read that package for ten minutes, as with S3's presigned ones. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { ThawError } from '../errors.ts'
import type { Caller, SignedRequest } from './request.ts'
import type { SecretKey } from './secret-key.ts'

/** AWS: "a presigned URL that you can use to download the deployment package", valid for 10 minutes. */
const lifeMs = 600_000

export interface CodeUrls {
  /**
   * @param path where the package is, encoded
   * @param accountId whose it is
   * @returns path and query
   */
  sign(path: string, accountId: string, qualifier: string | undefined): string
  /**
   * Who the holder of such a link acts as, undefined if the request is none.
   * Throws `AccessDenied` if it was altered or is too old.
   */
  callerOf(request: Pick<SignedRequest, 'method' | 'url'>): Caller | undefined
}

export function createCodeUrls(secretKey: SecretKey, clock: { now(): Date }): CodeUrls {
  const key = secretKey.derive('code links')
  const hmac = (unsigned: string): string => createHmac('sha256', key).update(unsigned).digest('hex')
  return {
    sign(path, accountId, qualifier) {
      const query = new URLSearchParams({ Account: accountId })
      if (qualifier !== undefined) query.set('Qualifier', qualifier)
      query.set('Expires', String(clock.now().getTime() + lifeMs))
      const unsigned = `${path}?${query}`
      return `${unsigned}&Signature=${hmac(unsigned)}`
    },

    callerOf({ method, url }) {
      const [, unsigned, signature] = /^(\/_thaw\/[^?]*\?.*)&Signature=([^&]*)$/.exec(url) ?? []
      if (unsigned === undefined || signature === undefined) return undefined
      const expected = Buffer.from(hmac(unsigned))
      const given = Buffer.from(signature)
      const matches = given.length === expected.length && timingSafeEqual(given, expected)
      if (!matches || (method !== 'GET' && method !== 'HEAD')) throw new ThawError('AccessDenied', 'Access Denied')
      const query = new URLSearchParams(unsigned.slice(unsigned.indexOf('?')))
      if (clock.now().getTime() > Number(query.get('Expires')))
        throw new ThawError('AccessDenied', 'Request has expired')
      return { accountId: query.get('Account') ?? '', accessKeyId: undefined }
    },
  }
}
