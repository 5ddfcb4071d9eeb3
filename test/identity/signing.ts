/** Requests signed by the SDK's own signer, as they are on the wire. */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import { createKeyRing, type AccessKey } from '../../src/identity/key-ring.ts'
import type { SignedRequest, SigningService } from '../../src/identity/request.ts'
import { createVerifier } from '../../src/identity/verifier.ts'

export const region = 'us-east-1'
export const key: AccessKey = {
  accessKeyId: 'AKIA0000000000000001',
  accountId: '111111111111',
  secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}
export const signedAt = new Date('2026-01-31T12:00:00Z')
/** So many seconds after `signedAt`. */
export const after = (seconds: number): Date => new Date(signedAt.getTime() + seconds * 1_000)

export interface Draft {
  method: string
  /** Encoded as on the wire. */
  path: string
  /** Decoded. */
  query: Record<string, string | string[]>
  headers: Record<string, string>
  body: Uint8Array
}

export const draft = (changes: Partial<Draft> = {}): Draft => ({
  method: 'POST',
  path: '/2015-03-31/functions/f/invocations',
  query: {},
  headers: { 'content-type': 'application/json' },
  body: Buffer.from('{"a":1}'),
  ...changes,
})

/** What is on the wire; `body` is plain here, to be changed by tests. */
export interface Wire {
  method: string
  url: string
  headers: Record<string, string>
  body: Uint8Array
}

export interface SignOptions {
  key?: AccessKey & { sessionToken?: string }
  region?: string
  service?: string
  at?: Date
  host?: string
  /** Headers to sign that the signer would leave out. */
  signable?: string[]
  /** Whether `x-amz-content-sha256` says the hash of the body, which is signed in any case. */
  hash?: boolean
}

export async function sign(request: Draft, options: SignOptions = {}): Promise<Wire> {
  const signed = await signer(options).sign(httpRequest(request, options), {
    signingDate: options.at ?? signedAt,
    ...(options.signable === undefined ? {} : { signableHeaders: new Set(options.signable) }),
  })
  return wire(signed, request.body)
}

export async function presign(
  request: Draft,
  { expiresIn = 60, ...options }: SignOptions & { expiresIn?: number } = {},
): Promise<Wire> {
  const http = httpRequest(request, options)
  return wire(await signer(options).presign(http, { signingDate: options.at ?? signedAt, expiresIn }), request.body)
}

/** What the verifier says. */
export async function verify(
  request: Wire,
  { now = signedAt, service = 'lambda' }: { now?: Date; service?: SigningService } = {},
) {
  const config = { auth: 'accounts', host: '127.0.0.1', accountId: '000000000000', region } as const
  const check = createVerifier(createKeyRing([{ putKey: key }]), config, { now: () => now })
  return check(seen(request), service)
}

export const seen = ({ body, ...rest }: Wire): SignedRequest => ({ ...rest, body: async () => body })

function signer({
  key: signing = key,
  region: where = region,
  service = 'lambda',
  hash = true,
}: SignOptions): SignatureV4 {
  const { accessKeyId, secret: secretAccessKey, sessionToken } = signing
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
  return new SignatureV4({ credentials, region: where, service, sha256: Sha256, applyChecksum: hash })
}

function httpRequest({ method, path, query, headers, body }: Draft, { host = 'localhost:9000' }: SignOptions) {
  return new HttpRequest({ method, path, query, headers: { ...headers, host }, body, hostname: 'localhost' })
}

/** The encoding of the SDK's own URL builder. */
export function wire(
  signed: { method: string; path: string; query?: Record<string, unknown>; headers: Record<string, string> },
  body: Uint8Array,
): Wire {
  const pairs: string[] = []
  for (const [name, value] of Object.entries(signed.query ?? {}))
    for (const one of Array.isArray(value) ? value : [value]) pairs.push(`${escape(name)}=${escape(String(one ?? ''))}`)
  const { method, path } = signed
  const headers = Object.fromEntries(Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]))
  return { method, url: pairs.length === 0 ? path : `${path}?${pairs.join('&')}`, headers, body }
}

export const escape = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

class Sha256 {
  readonly #hash: Hash | Hmac
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    if (secret === undefined) this.#hash = createHash('sha256')
    else if (typeof secret === 'string') this.#hash = createHmac('sha256', secret)
    else if (ArrayBuffer.isView(secret))
      this.#hash = createHmac('sha256', new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength))
    else this.#hash = createHmac('sha256', new Uint8Array(secret))
  }
  update(chunk: Uint8Array): void {
    this.#hash.update(chunk)
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
  reset(): void {}
}
