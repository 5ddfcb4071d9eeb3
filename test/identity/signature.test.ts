import { describe, expect, test } from 'vitest'
import { ThawError } from '../../src/errors.ts'
import { createKeyRing } from '../../src/identity/key-ring.ts'
import { createVerifier } from '../../src/identity/verifier.ts'
import { after, draft, key, presign, region, seen, sign, verify, type Wire } from './signing.ts'

const caller = { accountId: '111111111111', accessKeyId: key.accessKeyId }
const refused = (code: string, message: string | RegExp) =>
  expect.objectContaining({
    code,
    message: typeof message === 'string' ? message : expect.stringMatching(message),
  })
const mismatch = refused('InvalidSignature', /^The request signature we calculated does not match the signature you /)

/** With another Authorization header. */
const edited = (request: Wire, edit: (authorization: string) => string): Wire => ({
  ...request,
  headers: { ...request.headers, authorization: edit(request.headers.authorization ?? '') },
})

describe('the Authorization header', () => {
  test('says who signed', async () => {
    expect(await verify(await sign(draft()))).toEqual(caller)
  })

  test('signs for each API by its own name', async () => {
    const request = await sign(draft({ path: '/' }), { service: 'sqs' })
    expect(await verify(request, { service: 'sqs' })).toEqual(caller)
    await expect(verify(request)).rejects.toEqual(
      refused('InvalidSignature', "Credential should be scoped to correct service: 'lambda'. "),
    )
  })

  test('is missing', async () => {
    const { authorization: _, ...headers } = (await sign(draft())).headers
    await expect(verify({ ...(await sign(draft())), headers })).rejects.toEqual(
      refused('MissingAuthenticationToken', 'Missing Authentication Token'),
    )
  })

  test.each([
    [
      'AWS4-HMAC-SHA256 Signature=x',
      "Authorization header requires 'Credential' parameter. Authorization header requires 'SignedHeaders' parameter.",
    ],
    ['Bearer abc', "Unsupported AWS 'algorithm': 'Bearer'."],
    ['AWS4-ECDSA-P256-SHA256 Credential=x', "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."],
    ['AWS4-HMAC-SHA256 nothing', /^The Authorization header is no list of key=value pairs/],
    ['AWS4-HMAC-SHA256 Signature=x, Signature=y', /^The Authorization header is no list of key=value pairs/],
    [
      'AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=x',
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c'",
    ],
  ])('is incomplete: %s', async (authorization, message) => {
    const request = edited(await sign(draft()), () => authorization)
    await expect(verify(request)).rejects.toEqual(refused('IncompleteSignature', message))
  })

  test.each(['20260230T120000Z', '2026-01-31T12:00:00Z', 'now'])('has a date that is none: %s', async (date) => {
    const request = await sign(draft())
    request.headers['x-amz-date'] = date
    await expect(verify(request)).rejects.toEqual(
      refused('IncompleteSignature', new RegExp(`^Date must be in ISO-8601 'basic format'. Got '${date}'`)),
    )
  })

  test('comes from a key that nobody has', async () => {
    const request = await sign(draft(), { key: { ...key, accessKeyId: 'AKIA0000000000000002' } })
    await expect(verify(request)).rejects.toEqual(
      refused('UnrecognizedClient', 'The security token included in the request is invalid.'),
    )
  })

  test('comes from a key that was removed', async () => {
    const ring = createKeyRing([{ putKey: key }])
    const config = { auth: 'accounts', host: '127.0.0.1', accountId: '000000000000', region } as const
    const check = createVerifier(ring, config, { now: () => after(0) })
    const request = await sign(draft())
    expect(await check(seen(request))).toEqual(caller)
    ring.apply({ removeKey: { accessKeyId: key.accessKeyId } })
    await expect(check(seen(request))).rejects.toThrow('The security token included in the request is invalid.')
  })

  test('was made with another secret', async () => {
    const request = await sign(draft(), { key: { ...key, secret: 'another' } })
    await expect(verify(request)).rejects.toEqual(mismatch)
  })

  test('belongs to temporary credentials, which are not known here', async () => {
    const request = await sign(draft(), { key: { ...key, sessionToken: 'token' } })
    await expect(verify(request)).rejects.toEqual(refused('UnrecognizedClient', /^Session tokens are not supported/))
  })

  test('names another region', async () => {
    await expect(verify(await sign(draft(), { region: 'eu-west-1' }))).rejects.toEqual(
      refused('InvalidSignature', "Credential should be scoped to a valid region, not 'eu-west-1'. "),
    )
  })

  test('ends otherwise, or has the scope of another day', async () => {
    const request = await sign(draft())
    const other = edited(request, (text) =>
      text.replace('aws4_request', 'aws5_request').replace('20260131/', '20260130/'),
    )
    await expect(verify(other)).rejects.toEqual(
      refused(
        'InvalidSignature',
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260130' != '20260131', from '20260131T120000Z'.",
      ),
    )
  })

  test('is 5 minutes old at most', async () => {
    const request = await sign(draft())
    expect(await verify(request, { now: after(300) })).toEqual(caller)
    await expect(verify(request, { now: after(301) })).rejects.toEqual(
      refused(
        'InvalidSignature',
        'Signature expired: 20260131T120000Z is now earlier than 20260131T120001Z (20260131T120501Z - 5 min.)',
      ),
    )
  })

  test('is 5 minutes ahead at most', async () => {
    const request = await sign(draft())
    expect(await verify(request, { now: after(-300) })).toEqual(caller)
    await expect(verify(request, { now: after(-301) })).rejects.toEqual(
      refused(
        'InvalidSignature',
        'Signature not yet current: 20260131T120000Z is still later than 20260131T115959Z (20260131T115459Z + 5 min.)',
      ),
    )
  })
})

describe('what is signed', () => {
  test('a replayed signature with another body is refused, whether or not the hash is sent', async () => {
    const request = await sign(draft())
    const body = Buffer.from('{"a":2}')
    await expect(verify({ ...request, body })).rejects.toEqual(
      refused('InvalidSignature', "The provided 'x-amz-content-sha256' header does not match what was computed."),
    )
    const { 'x-amz-content-sha256': _, ...headers } = request.headers
    const names = (text: string) => text.replace('x-amz-content-sha256;', '')
    await expect(verify(edited({ ...request, headers, body }, names))).rejects.toEqual(mismatch)
  })

  test.each(['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'])('a body that is not: %s', async (hash) => {
    const request = await sign(draft({ headers: { 'x-amz-content-sha256': hash } }))
    await expect(verify(request)).rejects.toEqual(
      refused('InvalidSignature', `The body must be signed: '${hash}' is not supported.`),
    )
  })

  test('the body is not read of a request that is refused anyway', async () => {
    const request = await sign(draft(), { key: { ...key, secret: 'another' } })
    const config = { auth: 'accounts', host: '127.0.0.1', accountId: '000000000000', region } as const
    const check = createVerifier(createKeyRing([{ putKey: key }]), config, { now: () => after(0) })
    const body = async (): Promise<Uint8Array> => expect.unreachable('the body was read')
    await expect(check({ ...request, body })).rejects.toEqual(mismatch)
  })

  test('the host must be', async () => {
    const request = edited(await sign(draft()), (text) => text.replace(';host;', ';'))
    await expect(verify(request)).rejects.toEqual(
      refused('InvalidSignature', "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
    )
  })

  test('the signature for one server is none for another', async () => {
    const request = await sign(draft())
    request.headers.host = 'elsewhere:9000'
    await expect(verify(request)).rejects.toEqual(mismatch)
  })

  test("AWS's headers must be, as far as they are there", async () => {
    const request = await sign(draft())
    request.headers['x-amz-invocation-type'] = 'Event'
    await expect(verify(request)).rejects.toEqual(
      refused(
        'InvalidSignature',
        'There were headers present in the request which were not signed: x-amz-invocation-type',
      ),
    )
  })

  test.each([';host;x-amz-date', 'Host;x-amz-date', 'host;host;x-amz-date', 'x-amz-date;host'])(
    'the list of signed headers has one spelling: %s',
    async (names) => {
      const request = edited(await sign(draft()), (text) =>
        text.replace(/SignedHeaders=[^,]+/, `SignedHeaders=${names}`),
      )
      await expect(verify(request)).rejects.toBeInstanceOf(ThawError)
    },
  )

  test.each(['__proto__', 'constructor', 'x-absent'])('a header that is not there cannot be: %s', async (name) => {
    const request = edited(await sign(draft()), (text) =>
      text.replace(/SignedHeaders=[^,]+/, `SignedHeaders=${['host', name].sort().join(';')}`),
    )
    await expect(verify(request)).rejects.toBeInstanceOf(ThawError)
  })

  test('headers that signers usually leave out, if they signed them', async () => {
    // As the .NET SDK does with the user agent.
    const request = await sign(draft({ headers: { 'user-agent': 'aws-sdk-dotnet' } }), { signable: ['user-agent'] })
    expect(request.headers.authorization).toContain(';user-agent;')
    expect(await verify(request)).toEqual(caller)
    request.headers['user-agent'] = 'another'
    await expect(verify(request)).rejects.toEqual(mismatch)
  })

  test.each(['//2015-03-31/functions/f/invocations', '/2015-03-31/./functions/f', '/a/../b', '/a/..', '/.'])(
    'a path that SigV4 takes for another: %s',
    async (path) => {
      await expect(verify(await sign(draft({ path })))).rejects.toEqual(
        refused('InvalidSignature', 'The path of a signed request must have no empty and no dot segments.'),
      )
    },
  )

  test('a plus sign in the query is what its reader takes it for, a space', async () => {
    const request = await sign(draft({ query: { 'a b': 'c d', e: '+' } }))
    expect(await verify({ ...request, url: request.url.replaceAll('%20', '+') })).toEqual(caller)
    await expect(verify({ ...request, url: request.url.replace('%2B', '+') })).rejects.toEqual(mismatch)
  })

  test('a query that is no UTF-8', async () => {
    const request = await sign(draft())
    await expect(verify({ ...request, url: `${request.url}?a=%ff` })).rejects.toEqual(
      refused('InvalidSignature', 'The query of a signed request must be percent-encoded UTF-8.'),
    )
  })

  test('a parameter that no signature covers', async () => {
    const request = await sign(draft())
    await expect(verify({ ...request, url: `${request.url}?__proto__=a` })).rejects.toEqual(
      refused('InvalidSignature', 'The query of a signed request must not name __proto__: no signature covers it.'),
    )
  })

  test.each([
    ['an ARN in the path', '/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Af', {}],
    ['a trailing slash', '/2015-03-31/event-source-mappings/', { FunctionName: 'f' }],
    ['a list, spaces, reserved characters', '/x', { tagKeys: ['b', 'a', 'a b', "(!'*)+&=/?:"], Marker: '' }],
    ['unicode', '/2015-03-31/functions/%E2%82%AC%20~/code', { ключ: '値', Qualifier: '$LATEST' }],
    ['a repeated name in any order', '/x', { z: ['1'], 'a-b': 'x', a: 'y', __proto__x: '1', X: '2' }],
  ])('%s', async (_, path, query) => {
    expect(await verify(await sign(draft({ method: 'GET', path, query, body: new Uint8Array() })))).toEqual(caller)
    expect(await verify(await presign(draft({ method: 'GET', path, query, body: new Uint8Array() })))).toEqual(caller)
  })

  test.each(['', '{"text":"naïve € 𝄞"}', '\u0000'])('the body %j', async (text) => {
    expect(await verify(await sign(draft({ body: Buffer.from(text) })))).toEqual(caller)
  })

  test('header values with spaces at their ends and runs of spaces', async () => {
    const request = await sign(draft({ headers: { 'x-amz-client-context': ' a  b\t c ' } }))
    request.headers['x-amz-client-context'] = 'a b c'
    expect(await verify(request)).toEqual(caller)
  })
})

describe('a presigned request', () => {
  const get = draft({
    method: 'GET',
    path: '/2015-03-31/functions/f',
    query: { Qualifier: '1' },
    headers: {},
    body: new Uint8Array(),
  })

  test('lives as long as it says', async () => {
    const request = await presign(get, { expiresIn: 60 })
    expect(await verify(request, { now: after(60) })).toEqual(caller)
    await expect(verify(request, { now: after(61) })).rejects.toEqual(
      refused(
        'InvalidSignature',
        'Signature expired: 20260131T120000Z is now earlier than 20260131T120001Z (20260131T120101Z - 60 s.)',
      ),
    )
    await expect(verify(request, { now: after(-301) })).rejects.toThrow('Signature not yet current')
  })

  test('lives for 7 days at most', async () => {
    const request = await presign(get, { expiresIn: 604_800 })
    expect(await verify(request, { now: after(604_800) })).toEqual(caller)
    await expect(verify({ ...request, url: request.url.replace('604800', '604801') })).rejects.toEqual(
      refused('IncompleteSignature', 'X-Amz-Expires must be a number of seconds, 1 to 604800.'),
    )
  })

  test.each(['0', '-1', '1e3', 'x', '1.5'])('has an age that is none: %s', async (age) => {
    const request = await presign(get)
    const url = request.url.replace('X-Amz-Expires=60', `X-Amz-Expires=${age}`)
    await expect(verify({ ...request, url })).rejects.toMatchObject({ code: 'IncompleteSignature' })
  })

  test('cannot be made to live longer', async () => {
    const request = await presign(get)
    const url = request.url.replace('X-Amz-Expires=60', 'X-Amz-Expires=61')
    await expect(verify({ ...request, url })).rejects.toEqual(mismatch)
  })

  test.each(['Credential', 'SignedHeaders', 'Date', 'Expires', 'Algorithm', 'Signature'])(
    'must say its %s, once',
    async (name) => {
      const request = await presign(get)
      const without = request.url.replace(new RegExp(`X-Amz-${name}=[^&]*&?`), '').replace(/&$/, '')
      const message = `AWS query-string parameters must include 'X-Amz-${name}'`
      await expect(verify({ ...request, url: without })).rejects.toThrow(message)
      await expect(verify({ ...request, url: `${request.url}&X-Amz-${name}=1` })).rejects.toThrow(message)
    },
  )

  test('goes without an Authorization header', async () => {
    const request = await presign(get)
    const { headers } = await sign(get)
    await expect(verify({ ...request, headers })).rejects.toThrow('Only one way to authenticate is allowed')
  })

  test('cannot be given headers or parameters that its signer did not mean', async () => {
    const request = await presign(get)
    const headers = { ...request.headers, 'x-amz-log-type': 'Tail' }
    await expect(verify({ ...request, headers })).rejects.toThrow('not signed: x-amz-log-type')
    await expect(verify({ ...request, url: `${request.url}&Marker=x` })).rejects.toEqual(mismatch)
  })

  test('with a session token', async () => {
    const request = await presign(get, { key: { ...key, sessionToken: 't' } })
    await expect(verify(request)).rejects.toThrow('Session tokens are not supported')
  })
})

test('in dev mode nothing is read', async () => {
  const config = { auth: 'auto', host: '127.0.0.1', accountId: '000000000000', region } as const
  const check = createVerifier(createKeyRing(), config, { now: () => after(0) })
  const body = async (): Promise<Uint8Array> => expect.unreachable('the body was read')
  const expected = { accountId: '000000000000', accessKeyId: undefined }
  expect(await check({ method: 'GET', url: '//', headers: { authorization: 'no' }, body })).toEqual(expected)
})
