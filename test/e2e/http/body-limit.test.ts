/** Bodies over `limits.streamedBodyBytes`, either way: refused by what their head says, or cut, and told by name. */
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cHttpGuest, watHttpComponent, watHttpGuest } from '../../support/http-guests.ts'
import { cutOff, startHttpServer, type Deployed, type HttpServer } from './support.ts'

const limit = 'limits.streamedBodyBytes, 1000 bytes'
/** Reads all there is, and then traps. */
const trapAfterReading = `(func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $outparam i32)
  (call $consume (local.get $request))
  (loop $next (br_if $next (call $read)))
  (unreachable))`

let http: HttpServer
const deployed = new Map<string, Deployed>()
const of = (name: string): Deployed => deployed.get(name) ?? expect.fail(`${name} is not deployed`)

beforeAll(async () => {
  http = await startHttpServer({ limits: { streamedBodyBytes: 1_000 } })
  const deploy = async (name: string, component: Uint8Array) =>
    void deployed.set(name, await http.deploy(name, component))
  await Promise.all([
    deploy('echo2', await watHttpGuest('0.2', 'echo')),
    deploy('echo3', await watHttpGuest('0.3', 'echo')),
    deploy('untouched', await watHttpGuest('0.2', 'echo')),
    deploy('reader', await watHttpComponent('0.2', trapAfterReading)),
    deploy('c', await cHttpGuest('routes')),
  ])
})
afterAll(() => http[Symbol.asyncDispose]())

/** In chunks, so that the head does not say how long it is. */
function chunked(name: string, bytes: number) {
  const opened = of(name).open('/', { method: 'POST', headers: ['transfer-encoding', 'chunked'] })
  for (let left = bytes; left > 0; left -= 500) opened.outgoing.write('x'.repeat(Math.min(500, left)))
  return opened
}

async function answered({ outgoing, response }: ReturnType<typeof chunked>) {
  outgoing.end()
  const incoming = await response
  let body = ''
  incoming.setEncoding('utf8').on('data', (text: string) => (body += text))
  await once(incoming, 'end')
  return { status: incoming.statusCode, body }
}

describe('a request', () => {
  test('whose head says too much is refused with 413, and never reaches the function', async () => {
    const headers = ['content-length', '1001']
    const reply = await of('untouched').send('/', { method: 'POST', headers, body: 'x'.repeat(1_001) })
    expect(reply).toMatchObject({
      status: 413,
      headers: { 'x-amzn-errortype': 'RequestTooLargeException' },
      body: expect.stringContaining(limit),
    })
    expect(await of('untouched').send('/', { method: 'POST', body: 'one' })).toMatchObject({ status: 200, body: 'one' })
    await of('untouched').logged(/REPORT/)
    expect((await of('untouched').log()).match(/START/g)).toHaveLength(1)
  })

  test.each(['echo2', 'echo3'])('of just the limit is taken whole: %s', async (name) => {
    expect(await answered(chunked(name, 1_000))).toEqual({ status: 200, body: 'x'.repeat(1_000) })
  })

  test('that turns out to be too long is refused with 413 where nothing has been answered', async () => {
    expect(await answered(chunked('reader', 1_000))).toMatchObject({ status: 502 })
    expect(await answered(chunked('reader', 1_001))).toMatchObject({
      status: 413,
      body: expect.stringContaining(limit),
    })
  })
})

describe('a response', () => {
  test('of just the limit goes out whole', async () => {
    expect((await of('c').send('/big?bytes=1000')).bytes).toHaveLength(1_000)
  })

  test('over the limit is cut, and the log says why', async () => {
    await cutOff(of('c').open('/big?bytes=1001'))
    await of('c').logged(/REPORT[^]*REPORT/)
    expect(await of('c').log()).toContain(limit)
  })
})
