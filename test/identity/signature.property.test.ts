/** Whatever the SDK's signer signs is accepted; with any part of it changed it is not. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { draft, escape, key, presign, sign, verify, type Draft, type Wire } from './signing.ts'

const caller = { accountId: key.accountId, accessKeyId: key.accessKeyId }

/** Well-formed: what is none cannot be percent-encoded. */
const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((value) => value.isWellFormed())
const segment = text.filter((value) => value !== '' && value !== '.' && value !== '..').map(escape)
const headerName = fc.stringMatching(/^x-(amz-)?t[a-z0-9-]{0,8}$/)
/** Node refuses others in a header. */
const headerValue = fc.stringMatching(/^[\x20-\x7e]{0,20}$/)

const drafts: fc.Arbitrary<Draft> = fc
  .record({
    method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE'),
    path: fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '/'))
      .map(([segments, end]) => `/${segments.join('/')}${end}`),
    query: fc.dictionary(
      // `__proto__` is refused (signature.test.ts).
      text.filter((name) => !['', '__proto__'].includes(name) && !name.toLowerCase().startsWith('x-amz-')),
      fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })),
      { maxKeys: 3 },
    ),
    headers: fc.dictionary(headerName, headerValue, { maxKeys: 3 }),
    body: fc.uint8Array({ maxLength: 64 }),
  })
  .map(draft)

type Tamper = (wire: Wire, at: number) => Wire

/** One character, at some place, becomes another. */
function altered(value: string, at: number): string {
  const index = at % value.length
  const was = value[index]
  return value.slice(0, index) + (was === 'a' ? 'b' : was === 'A' ? 'B' : 'a') + value.slice(index + 1)
}

const split = (url: string): [path: string, query: string] => {
  const [path = '', query = ''] = url.split('?')
  return [path, query]
}

/** What a query says. SigV4 does not sign the order of names, nor how they are encoded. */
const meaning = (url: string): string[] => {
  try {
    return split(url)[1].split('&').map(decodeURIComponent).toSorted()
  } catch {
    return ['not to be decoded']
  }
}

const header = (wire: Wire, name: string, value: string): Wire => ({
  ...wire,
  headers: { ...wire.headers, [name]: value },
})

const tampers: Record<string, Tamper> = {
  method: (wire) => ({ ...wire, method: wire.method === 'GET' ? 'DELETE' : 'GET' }),
  path: (wire, at) => {
    const [path, query] = split(wire.url)
    const changed = `/${altered(path.slice(1), at)}`
    return { ...wire, url: query === '' ? changed : `${changed}?${query}` }
  },
  'more path': (wire) => ({ ...wire, url: wire.url.replace(/\?|$/, (end) => `/code${end}`) }),
  query: (wire, at) => {
    const [path, query] = split(wire.url)
    return { ...wire, url: `${path}?${query === '' ? 'a' : altered(query, at)}` }
  },
  'more query': (wire) => ({ ...wire, url: `${wire.url}${wire.url.includes('?') ? '&' : '?'}Qualifier=1` }),
  'signed header': (wire, at) => {
    const names = Object.keys(wire.headers).filter((name) => name !== 'authorization')
    const name = names[at % names.length] ?? 'host'
    const value = wire.headers[name] ?? ''
    return header(wire, name, value === '' ? 'a' : altered(value, at))
  },
  'header gone': (wire, at) => {
    const names = Object.keys(wire.headers).filter(
      (name) => name !== 'authorization' && name !== 'x-amz-content-sha256',
    )
    const gone = names[at % names.length]
    return { ...wire, headers: Object.fromEntries(Object.entries(wire.headers).filter(([name]) => name !== gone)) }
  },
  body: (wire, at) => {
    const body = Uint8Array.from(wire.body.length === 0 ? [0] : wire.body)
    if (wire.body.length > 0) body[at % body.length] = (body[at % body.length] ?? 0) ^ 1
    return { ...wire, body }
  },
  'more body': (wire) => ({ ...wire, body: Buffer.concat([wire.body, Buffer.from(' ')]) }),
  authorization: (wire, at) => {
    const { authorization } = wire.headers
    return authorization === undefined ? wire : header(wire, 'authorization', altered(authorization, at))
  },
}

const unchanged = (before: Wire, now: Wire): boolean => {
  const [path] = split(before.url)
  const [pathNow] = split(now.url)
  return (
    before.method === now.method &&
    path === pathNow &&
    JSON.stringify(meaning(before.url)) === JSON.stringify(meaning(now.url)) &&
    JSON.stringify(trimmed(before)) === JSON.stringify(trimmed(now)) &&
    Buffer.compare(before.body, now.body) === 0
  )
}

/** SigV4 does not sign how many spaces there are. */
const trimmed = ({ headers }: Wire) =>
  Object.entries(headers).map(([name, value]) => [name, value.replaceAll(/ +/g, ' ').trim()])

test.each([
  ['sign', (request: Draft) => sign(request)],
  ['presign', (request: Draft) => presign(request)],
])('%s: accepted as it is, refused with any part changed', async (_, signed) => {
  await fc.assert(
    fc.asyncProperty(drafts, fc.constantFrom(...Object.keys(tampers)), fc.nat(), async (request, part, at) => {
      const wire = await signed(request)
      expect(await verify(wire)).toEqual(caller)
      const changed = tampers[part]?.(wire, at) ?? wire
      fc.pre(!unchanged(wire, changed))
      await expect(verify(changed)).rejects.toMatchObject({ name: 'ThawError' })
    }),
    { numRuns: 2_000 },
  )
})
