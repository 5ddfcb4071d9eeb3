/**
 * Signature version 4, checked (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html). Messages are AWS's words.
 * What is cheap comes first, the body last: without a valid signature a request with `X-Amz-Content-Sha256`, as SDKs
 * send it, is refused before its body is read.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { ThawError } from '../errors.ts'
import { splitUrl, type Signer, type SplitUrl } from './canonical.ts'
import { formatLongDate, headerOf, readClaims, type Claims } from './claims.ts'
import type { HeldKey, KeyRing } from './key-ring.ts'
import type { Caller, SignedRequest, SigningService } from './request.ts'

export interface VerifyOptions {
  keyRing: Pick<KeyRing, 'find'>
  signer: Signer
  region: string
  service: SigningService
  now: Date
}

/** AWS: how far the signer's clock may be off, 5 minutes. */
const skewMs = 300_000
/** AWS: a presigned request lives for 7 days at most, in seconds. */
const maxExpiresSeconds = 604_800

const mismatch =
  'The request signature we calculated does not match the signature you provided. ' +
  'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.'

/** Errors: `MissingAuthenticationToken`, `IncompleteSignature`, `InvalidSignature`, `UnrecognizedClient`. */
export async function verifySignature(request: SignedRequest, options: VerifyOptions): Promise<Caller> {
  const parts = splitUrl(request.url)
  const claims = readClaims(request, parts.parameters)
  if (claims.sessionToken !== undefined)
    throw new ThawError(
      'UnrecognizedClient',
      'Session tokens are not supported, there is no STS here: sign with the access key of an account.',
    )
  const key = options.keyRing.find(claims.accessKeyId)
  if (key === undefined)
    throw new ThawError('UnrecognizedClient', 'The security token included in the request is invalid.')
  assertScope(claims, options)
  assertCurrent(claims, options.now)
  assertSigned(request, claims)
  if (claims.payloadHash === 'UNSIGNED-PAYLOAD' || claims.payloadHash?.startsWith('STREAMING-') === true)
    throw invalid(`The body must be signed: '${claims.payloadHash}' is not supported.`)
  await assertSignature(request, parts, claims, key, options.signer)
  return { accountId: key.accountId, accessKeyId: key.accessKeyId }
}

function assertScope({ scope, longDate }: Claims, { region, service }: VerifyOptions): void {
  const wrong: string[] = []
  if (scope.region !== region) wrong.push(`Credential should be scoped to a valid region, not '${scope.region}'. `)
  if (scope.service !== service) wrong.push(`Credential should be scoped to correct service: '${service}'. `)
  if (scope.terminator !== 'aws4_request')
    wrong.push(`Credential should be scoped with a valid terminator: 'aws4_request', not '${scope.terminator}'. `)
  if (!longDate.startsWith(`${scope.date}T`))
    wrong.push(
      'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
        `'${scope.date}' != '${longDate.slice(0, 8)}', from '${longDate}'.`,
    )
  if (wrong.length > 0) throw invalid(wrong.join(''))
}

function assertCurrent({ form, expires, signedAt, longDate }: Claims, now: Date): void {
  const later = (ms: number): string => formatLongDate(new Date(now.getTime() + ms))
  if (signedAt.getTime() > now.getTime() + skewMs)
    throw invalid(`Signature not yet current: ${longDate} is still later than ${later(skewMs)} (${later(0)} + 5 min.)`)
  if (form === 'header') {
    if (signedAt.getTime() < now.getTime() - skewMs)
      throw invalid(`Signature expired: ${longDate} is now earlier than ${later(-skewMs)} (${later(0)} - 5 min.)`)
    return
  }
  const seconds = /^\d{1,6}$/.test(expires ?? '') ? Number(expires) : 0
  if (seconds < 1 || seconds > maxExpiresSeconds)
    throw new ThawError('IncompleteSignature', `X-Amz-Expires must be a number of seconds, 1 to ${maxExpiresSeconds}.`)
  if (signedAt.getTime() + seconds * 1_000 < now.getTime())
    throw invalid(
      `Signature expired: ${longDate} is now earlier than ${later(-seconds * 1_000)} (${later(0)} - ${seconds} s.)`,
    )
}

/** All that carries meaning has to be signed: the host, so that no other server's signature counts, and AWS's headers. */
function assertSigned(request: SignedRequest, { signedHeaders }: Claims): void {
  const signed = new Set(signedHeaders)
  if (!signed.has('host')) throw invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
  // One spelling only, or there would be several texts for one signature.
  if (
    signedHeaders.some(
      (name, index) => !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || name <= (signedHeaders[index - 1] ?? ''),
    )
  )
    throw invalid("'SignedHeaders' must be lower-case names, each once, sorted.")
  if (signedHeaders.some((name) => headerOf(request, name) === undefined)) throw invalid(mismatch)
  // The body's hash need not be signed by name: it is part of what is signed, and is compared with the body.
  const unsigned = Object.keys(request.headers).filter(
    (name) => name.startsWith('x-amz-') && name !== 'x-amz-content-sha256' && !signed.has(name),
  )
  if (unsigned.length > 0)
    throw invalid(`There were headers present in the request which were not signed: ${unsigned.join(', ')}`)
}

async function assertSignature(
  request: SignedRequest,
  parts: SplitUrl,
  claims: Claims,
  key: HeldKey,
  signer: Signer,
): Promise<void> {
  const realHash = async (): Promise<string> =>
    createHash('sha256')
      .update(await request.body())
      .digest('hex')
  const hash = claims.payloadHash ?? (await realHash())
  const expected = Buffer.from(await signer.sign(request, parts, claims, hash, key))
  const given = Buffer.from(claims.signature)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw invalid(mismatch)
  if (claims.payloadHash !== undefined && claims.payloadHash !== (await realHash()))
    throw invalid("The provided 'x-amz-content-sha256' header does not match what was computed.")
}

function invalid(message: string): ThawError {
  return new ThawError('InvalidSignature', message)
}
