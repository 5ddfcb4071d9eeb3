/**
 * Components that do what they must not. Each ends its own request and nothing else: the worker's process stays, a
 * neighbour's request that is under way goes on, and the next request to the same function finds it as it was deployed.
 */
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { quickjsHttpGuest, starlingmonkeyHttpGuest, watHttpGuest } from '../../support/http-guests.ts'
import { combinedGuest, pathIn } from './combined-guest.ts'
import { cutOff, startHttpServer, type Deployed, type HttpServer, type Opened, type Reply } from './support.ts'

// All of 0.2 are one component, by path; deployed one by one they would take minutes.
const second = [
  'body-dropped',
  'content-length-too-few',
  'content-length-too-many',
  'drop-open',
  'dropped-handle',
  'exit-after',
  'exit-before',
  'exit-mid-body',
  'finish-open',
  'finish-twice',
  'leak',
  'no-response',
  'outparam-dropped',
  'set-err',
  'set-twice',
  'spin',
  'spin-after',
  'spin-mid-body',
  'trap',
  'trap-after',
  'trap-after-head',
  'trap-mid-body',
  'unfinished',
  'wrong-handle',
]
const third = [
  'bad-code',
  'body-dropped',
  'exit-open',
  'exit-unanswered',
  'leak',
  'return-twice',
  'spin-after',
  'trailers-error',
  'trap-mid-body',
  'write-twice',
  'yield-forever',
]
type Version = '0.2' | '0.3'

let http: HttpServer
let neighbour: Deployed
let pid: number | undefined
const deployed = new Map<string, Deployed>()
const of = (name: string): Deployed => deployed.get(name) ?? expect.fail(`${name} is not deployed`)

interface Guest extends Pick<Deployed, 'logged' | 'log'> {
  send(): Promise<Reply>
  open(): Opened
}

function guestOf(version: Version, name: string): Guest {
  if (version === '0.3') return of(name)
  const path = pathIn(second, name)
  const { send, open, log, logged } = of('second')
  return { send: () => send(path), open: () => open(path), log, logged }
}

beforeAll(async () => {
  http = await startHttpServer()
  pid = http.pid()
  const deploy = async (name: string, component: Uint8Array) => {
    const fn = await http.deploy(name, component, { Timeout: 2, MemorySize: 256 })
    deployed.set(name, fn)
    return fn
  }
  await Promise.all([
    deploy('second', await combinedGuest(second)),
    deploy('quickjs', await quickjsHttpGuest()),
    deploy('starlingmonkey', await starlingmonkeyHttpGuest()),
    ...third.map(async (name) => deploy(name, await watHttpGuest('0.3', name))),
  ])
  neighbour = await http.deploy('neighbour', await watHttpGuest('0.2', 'echo'), { Timeout: 60 })
})
afterAll(() => http[Symbol.asyncDispose]())

let beside: Opened
beforeEach(async () => {
  beside = neighbour.open('/', { method: 'POST', headers: ['transfer-encoding', 'chunked'] })
  beside.outgoing.write('one ')
  await beside.response
})
afterEach(async () => {
  beside.outgoing.end('two')
  const body = await text(await beside.response)
  if (body !== 'one two') throw new Error(`the neighbour got ${body}`)
  if (http.pid() !== pid) throw new Error('the worker has been replaced')
})

describe.each(['first', 'second'])('the %s request', () => {
  const failing: [Version, string, RegExp][] = [
    ['0.2', 'dropped-handle', /Runtime\.Trap/],
    ['0.2', 'exit-before', /Runtime\.ExitError/],
    ['0.2', 'no-response', /Runtime\.InvalidResponse.*without a response/],
    ['0.2', 'outparam-dropped', /Runtime\.InvalidResponse/],
    ['0.2', 'set-err', /Runtime\.InvalidResponse.*internal-error: asked for/],
    ['0.2', 'trap', /Runtime\.Trap.*unreachable/],
    ['0.2', 'wrong-handle', /Runtime\.Trap/],
    ['0.3', 'bad-code', /Runtime\.Trap.*callback returned 15/],
    ['0.3', 'exit-unanswered', /Runtime\.InvalidResponse.*without a response/],
    ['0.3', 'leak', /Runtime\.LimitExceeded.*limit handles/],
    ['0.3', 'return-twice', /Runtime\.Trap.*twice/],
    ['0.3', 'write-twice', /Runtime\.Trap/],
  ]
  test.each(failing)('%s %s is 502, and the log says why', async (version, guest, log) => {
    const fn = guestOf(version, guest)
    const since = (await fn.log()).length
    expect(await fn.send()).toMatchObject({ status: 502, body: 'Internal Server Error' })
    await fn.logged(log, since)
  })

  const cut: [Version, string, string, RegExp][] = [
    ['0.2', 'body-dropped', 'half', /Runtime\.InvalidResponse.*not whole/],
    ['0.2', 'content-length-too-few', 'conten', /Runtime\.InvalidResponse.*not whole.*10/],
    ['0.2', 'drop-open', 'before', /Runtime\.Trap/],
    ['0.2', 'exit-mid-body', 'half', /Runtime\.ExitError/],
    ['0.2', 'finish-open', 'before', /Runtime\.Trap/],
    ['0.2', 'trap-after-head', '', /Runtime\.Trap/],
    ['0.2', 'trap-mid-body', 'half', /Runtime\.Trap/],
    ['0.2', 'unfinished', 'half', /Runtime\.InvalidResponse.*not whole/],
    ['0.3', 'body-dropped', 'half', /Runtime\.InvalidResponse.*not whole/],
    ['0.3', 'trailers-error', 'half', /Runtime\.InvalidResponse.*not whole.*internal-error/],
    ['0.3', 'trap-mid-body', 'half', /Runtime\.Trap/],
  ]
  test.each(cut)('%s %s: the client sees that the response is not whole', async (version, guest, came, log) => {
    const fn = guestOf(version, guest)
    const since = (await fn.log()).length
    const { status = 200, body } = await cutOff(fn.open())
    expect(status).toBe(200)
    expect(came.startsWith(body)).toBe(true)
    await fn.logged(log, since)
  })

  test('0.3 exit-open: half of it may have been taken, and the client sees that it is not whole', async () => {
    const { body } = await cutOff(guestOf('0.3', 'exit-open').open())
    expect('half'.startsWith(body)).toBe(true)
  })

  test('0.2 content-length-too-many: no byte over what was said', async () => {
    const { body } = await cutOff(guestOf('0.2', 'content-length-too-many').open())
    expect(body.length).toBeLessThan(10)
  })

  const whole: [Version, string, string, RegExp | undefined][] = [
    ['0.2', 'exit-after', 'complete', /Runtime\.ExitError/],
    ['0.2', 'finish-twice', 'complete', /Runtime\.Trap/],
    ['0.2', 'leak', 'leaked', undefined],
    ['0.2', 'set-twice', 'first', /Runtime\.Trap/],
    ['0.2', 'trap-after', 'complete', /Runtime\.Trap/],
  ]
  test.each(whole)('%s %s: a response that was whole stays so', async (version, guest, body, log) => {
    const fn = guestOf(version, guest)
    const since = (await fn.log()).length
    expect(await fn.send()).toMatchObject({ status: 200, body })
    if (log !== undefined) await fn.logged(log, since)
  })
})

// Once each: they last until their deadline.
test.each<[Version, string]>([
  ['0.2', 'spin'],
  ['0.3', 'yield-forever'],
])('%s %s never answers: 502 at its time limit', async (version, guest) => {
  const fn = guestOf(version, guest)
  const since = (await fn.log()).length
  expect(await fn.send()).toMatchObject({ status: 502 })
  await fn.logged(/Task timed out after 2\.00 seconds/, since)
})

test('0.2 spin-mid-body: cut at its time limit', async () => {
  const fn = guestOf('0.2', 'spin-mid-body')
  const since = (await fn.log()).length
  expect(await cutOff(fn.open())).toEqual({ status: 200, body: 'half' })
  await fn.logged(/Task timed out after 2\.00 seconds/, since)
})

test.each<[Version, string]>([
  ['0.2', 'spin-after'],
  ['0.3', 'spin-after'],
])('%s %s: the response is there before the time limit ends the rest', async (version, guest) => {
  const fn = guestOf(version, guest)
  const since = (await fn.log()).length
  expect(await fn.send()).toMatchObject({ status: 200, body: 'complete' })
  expect((await fn.log()).slice(since)).not.toContain('timed out')
  await fn.logged(/Task timed out after 2\.00 seconds/, since)
})

test.each<[string, string]>([
  ['starlingmonkey', '/throw'],
  ['quickjs', '/throw'],
  ['quickjs', '/err'],
])('%s at %s fails, and the next request is unharmed', async (name, path) => {
  const failed = await of(name)
    .send(path)
    .then(
      ({ status }) => status,
      () => 'cut',
    )
  expect([500, 502, 'cut']).toContain(failed)
  expect((await of(name).send('/hello')).status).toBe(200)
})
