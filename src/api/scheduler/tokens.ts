/** `NextToken`: opaque to clients. */
export const toToken = (key: string | undefined): string | undefined =>
  key === undefined ? undefined : Buffer.from(key).toString('base64url')

export const fromToken = (token: string | undefined): string | undefined =>
  token === undefined ? undefined : Buffer.from(token, 'base64url').toString()
