/** With accounts: a worker checks signatures itself, and looks functions up in the caller's account. */
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessKey } from '../../src/identity/key-ring.ts'
import { draft, presign, sign, type Draft, type SignOptions, type Wire } from '../identity/signing.ts'
import { invokePath, send, specOf, WorkerBench, type Answer, type TestWorker } from './support/harness.ts'

const [one, two]: AccessKey[] = ['111111111111', '222222222222'].map((accountId) => ({
  accessKeyId: `AKIA${accountId}0000`,
  accountId,
  secret: `secret of ${accountId}`,
}))
if (one === undefined || two === undefined) throw new Error('unreachable')

let bench: WorkerBench
let worker: TestWorker

beforeAll(async () => {
  bench = new WorkerBench({ auth: 'accounts' })
  bench.page.slots.setLimit(1, 10)
  bench.page.slots.setLimit(2, 10)
  worker = await bench.worker([
    { putKey: one },
    { putKey: two },
    { accountPool: { accountId: one.accountId, pool: 1 } },
    { accountPool: { accountId: two.accountId, pool: 2 } },
    { put: specOf('f', { accountId: one.accountId }) },
    { put: specOf('f', { accountId: two.accountId }) },
    { put: specOf('only-one', { accountId: one.accountId }) },
  ])
  bench.onForwarded = (incoming, outgoing) => {
    void buffer(incoming).then((body) => {
      const { method, url, headers } = incoming
      outgoing.end(JSON.stringify({ forwarded: { method, url, headers, body: body.toString() } }))
    })
  }
})
afterAll(() => bench[Symbol.asyncDispose]())

const describing = (changes: Partial<Draft> = {}): Draft =>
  draft({ path: invokePath('f'), body: Buffer.from('{"do":"describe"}'), ...changes })
const deliver = ({ method, url, headers, body }: Wire): Promise<Answer> =>
  send({ port: worker.port, method, path: url, headers, body: Buffer.from(body) })
const now = (key: AccessKey): SignOptions => ({ key, at: new Date() })
const seen = ({ body }: Answer) => JSON.parse(body)

test('each account finds its own function', async () => {
  for (const key of [one, two])
    expect(seen(await deliver(await sign(describing(), now(key)))).spec.accountId).toBe(key.accountId)
  const presigned = await presign(describing({ body: Buffer.alloc(0) }), now(one))
  expect(seen(await deliver(presigned))).toEqual({})
})

test('an empty body is signed as it is sent', async () => {
  expect((await deliver(await sign(describing({ body: Buffer.alloc(0) }), now(one)))).body).toBe('{}')
})

test('wrong, stale and tampered signatures are refused, and run nothing', async () => {
  const good = await sign(describing(), now(one))
  const refused: Wire[] = [
    await sign(describing(), now({ ...one, secret: 'wrong' })),
    await sign(describing(), { key: one, at: new Date(Date.now() - 16 * 60_000) }),
    { ...good, body: Buffer.from('{"do":"describe","more":1}') },
    { ...good, url: invokePath('only-one') },
    // The key of one account, the signature of another.
    {
      ...good,
      headers: {
        ...good.headers,
        authorization: (good.headers.authorization ?? '').replace(one.accessKeyId, two.accessKeyId),
      },
    },
  ]
  for (const wire of refused) {
    const { status, headers } = await deliver(wire)
    expect([status, headers['x-amzn-errortype']]).toEqual([403, 'InvalidSignatureException'])
  }
  const dryRun = await sign(
    describing({ headers: { 'content-type': 'application/json', 'x-amz-invocation-type': 'DryRun' } }),
    now(one),
  )
  expect((await deliver(dryRun)).status).toBe(204)
  expect((await deliver({ ...dryRun, body: Buffer.from('{}') })).status).toBe(403)
})

test("what the worker cannot decide goes to the controller as it was signed: another account's function", async () => {
  const path = invokePath(`arn:aws:lambda:us-east-1:${two.accountId}:function:f`)
  const wire = await sign(describing({ path, query: { Qualifier: '$LATEST' } }), now(one))
  const { forwarded } = seen(await deliver(wire))
  expect(forwarded).toMatchObject({ method: 'POST', url: wire.url, headers: wire.headers, body: '{"do":"describe"}' })
})

test.each([
  ['no signature', {}],
  ['an unknown key', { authorization: 'AWS4-HMAC-SHA256 Credential=AKIANONE/20260101/us-east-1/lambda/aws4_request' }],
])('nor %s', async (_, headers) => {
  const answer = await send({ port: worker.port, method: 'POST', path: invokePath('f'), headers, body: '{}' })
  expect(seen(answer)).toHaveProperty('forwarded')
})

test('a key that is removed signs nothing any more; functions of others are not there', async () => {
  const key = { ...one, accessKeyId: 'AKIAGOING0000000' }
  await worker.apply([{ putKey: key }])
  expect((await deliver(await sign(describing(), now(key)))).status).toBe(200)
  await worker.apply([{ removeKey: { accessKeyId: key.accessKeyId } }])
  expect(seen(await deliver(await sign(describing(), now(key))))).toHaveProperty('forwarded')
  const other = await deliver(await sign(describing({ path: invokePath('only-one') }), now(two)))
  expect(seen(other)).toHaveProperty('forwarded')
})

test('internal headers count for nothing, even on a signed request', async () => {
  const headers = { 'content-type': 'application/json', 'x-thaw-account': two.accountId, 'x-thaw-request-id': 'forged' }
  const answer = seen(await deliver(await sign(describing({ headers }), now(one))))
  expect(answer.spec.accountId).toBe(one.accountId)
  expect(answer.requestId).not.toBe('forged')
})
