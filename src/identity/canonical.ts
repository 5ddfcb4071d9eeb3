/** From the wire to SigV4's string to sign, by `@smithy/signature-v4`, which the SDK signs with. */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { getCanonicalHeaders, getSigningKey, SignatureV4Base } from '@smithy/signature-v4'
import { ThawError } from '../errors.ts'
import { algorithm, headerOf, type Claims, type QueryParameters } from './claims.ts'
import type { HeldKey } from './key-ring.ts'
import type { SignedRequest } from './request.ts'

/** What smithy wants of a hash; with a key it is an HMAC. */
export class Sha256 {
  readonly #secret: string | ArrayBuffer | ArrayBufferView | undefined
  #hash: Hash | Hmac

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret
    this.#hash = this.#begin()
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk)
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {
    this.#hash = this.#begin()
  }

  #begin(): Hash | Hmac {
    const secret = this.#secret
    if (secret === undefined) return createHash('sha256')
    if (typeof secret === 'string' || ArrayBuffer.isView(secret)) return createHmac('sha256', viewOf(secret))
    return createHmac('sha256', new Uint8Array(secret))
  }
}

const viewOf = (secret: string | ArrayBufferView): string | Uint8Array =>
  typeof secret === 'string' ? secret : new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)

/** Smithy's canonical forms, of a request that was signed elsewhere. */
class Canonicalizer extends SignatureV4Base {
  constructor(region: string) {
    // Credentials are for signing, which this does not.
    super({ region, service: '', sha256: Sha256, credentials: { accessKeyId: '', secretAccessKey: '' } })
  }

  stringToSign(request: SignedRequest, parts: SignedParts, claims: Claims, payloadHash: string): Promise<string> {
    const headers: Record<string, string> = {}
    for (const name of claims.signedHeaders) headers[name] = headerOf(request, name) ?? ''
    const { path, query } = parts
    const http = { method: request.method, protocol: '', hostname: '', path, query, headers }
    // By default some names are not signed; what the signer did sign counts.
    const canonicalHeaders = getCanonicalHeaders(http, undefined, new Set(claims.signedHeaders))
    const { date, region, service, terminator } = claims.scope
    return this.createStringToSign(
      claims.longDate,
      `${date}/${region}/${service}/${terminator}`,
      this.createCanonicalRequest(http, canonicalHeaders, payloadHash),
      algorithm,
    )
  }
}

/** A URL's parts as smithy takes them: the path still encoded, the query decoded. */
export interface SignedParts {
  path: string
  query: Record<string, string | string[]>
}

export interface SplitUrl extends SignedParts {
  parameters: QueryParameters
}

/**
 * SigV4 takes `/a//b`, `/a/./b` and `/a/x/../b` for `/a/b`, so one signature would fit several paths: only the plain form
 * is taken. Throws `InvalidSignature`.
 */
export function splitUrl(url: string): SplitUrl {
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  if (!path.startsWith('/') || /\/\/|\/\.{1,2}(\/|$)/.test(path))
    throw new ThawError('InvalidSignature', 'The path of a signed request must have no empty and no dot segments.')
  const parameters =
    mark === -1
      ? []
      : url
          .slice(mark + 1)
          .split('&')
          .filter(Boolean)
          .map(decodePair)
  // The canonical form drops it, here as in the SDK's signers: nobody would notice that it was changed on the way.
  if (parameters.some(([name]) => name === '__proto__'))
    throw new ThawError(
      'InvalidSignature',
      'The query of a signed request must not name __proto__: no signature covers it.',
    )
  const query: Record<string, string | string[]> = {}
  for (const [name, values] of Map.groupBy(parameters, (pair) => pair[0])) query[name] = values.map((pair) => pair[1])
  return { path, query, parameters }
}

/** A plus sign is a space to whoever reads the parameter, so it is signed as one. */
function decodePair(pair: string): [string, string] {
  const equals = pair.indexOf('=')
  const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
  try {
    return [decodeURIComponent(name.replaceAll('+', ' ')), decodeURIComponent(value.replaceAll('+', ' '))]
  } catch (cause) {
    throw new ThawError('InvalidSignature', 'The query of a signed request must be percent-encoded UTF-8.', { cause })
  }
}

export interface Signer {
  /** The signature in hexadecimal that the request would have, made with this key. */
  sign(request: SignedRequest, parts: SplitUrl, claims: Claims, payloadHash: string, key: HeldKey): Promise<string>
}

/** Presigned requests live for 7 days at most, so this many dates and services are in use at a time. */
const signingKeysKept = 32

export function createSigner(region: string): Signer {
  const canonicalizer = new Canonicalizer(region)
  return {
    async sign(request, { path, query }, claims, payloadHash, key) {
      const { 'X-Amz-Signature': _, ...unsigned } = query
      const parts = { path, query: claims.form === 'presigned' ? unsigned : query }
      const text = await canonicalizer.stringToSign(request, parts, claims, payloadHash)
      return createHmac('sha256', await signingKeyOf(key, claims.scope))
        .update(text)
        .digest('hex')
    },
  }
}

function signingKeyOf(key: HeldKey, { date, region, service }: Claims['scope']): Promise<Uint8Array> {
  const name = `${date}/${region}/${service}`
  const known = key.signingKeys.get(name)
  if (known !== undefined) return known
  if (key.signingKeys.size >= signingKeysKept) key.signingKeys.clear()
  const credentials = { accessKeyId: key.accessKeyId, secretAccessKey: key.secret }
  const derived = getSigningKey(Sha256, credentials, date, region, service)
  key.signingKeys.set(name, derived)
  return derived
}
