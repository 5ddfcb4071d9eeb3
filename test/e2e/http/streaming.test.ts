/** Bodies as they flow, through a whole server: piece by piece, held back by who is slower, and cut short by who leaves. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { WORKERS_WORD, WORKER_SEQUENCE } from '../../../src/memory/page-layout.ts'
import { cHttpGuest, quickjsHttpGuest, starlingmonkeyHttpGuest, watHttpGuest } from '../../support/http-guests.ts'
import { startHttpServer, type Deployed, type HttpServer, type Opened } from './support.ts'

const mib = 1_048_576
const chunked = { method: 'POST', headers: ['transfer-encoding', 'chunked'] }
const patient = { timeout: 20_000 }

let http: HttpServer
const deployed = new Map<string, Deployed>()
const of = (name: string): Deployed => deployed.get(name) ?? expect.fail(`${name} is not deployed`)

/** What guests call: takes a request and never answers, but on /noted, which it does at once. */
const received: string[] = []
const upstream = createServer(async (incoming, outgoing) => {
  received.push(`${incoming.method} ${incoming.url}`)
  if (incoming.url === '/noted') outgoing.end()
})

beforeAll(async () => {
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  http = await startHttpServer()
  const deploy = async (name: string, component: Uint8Array) => {
    // Of one request at a time: what holds a slot is seen.
    const fn = await http.deploy(name, component, { MemorySize: 256, Timeout: 60, reserved: 1 })
    deployed.set(name, fn)
  }
  const second = ['echo', 'trailers', 'inform'] as const
  const third = ['echo', 'echo-through', 'background', 'write-until-dropped', 'proxy'] as const
  await Promise.all([
    ...second.map(async (name) => deploy(`${name}2`, await watHttpGuest('0.2', name))),
    ...third.map(async (name) => deploy(`${name}3`, await watHttpGuest('0.3', name))),
    deploy('c', await cHttpGuest('routes')),
    deploy('quickjs', await quickjsHttpGuest()),
    deploy('starlingmonkey', await starlingmonkeyHttpGuest()),
  ])
  await Promise.all(
    ['c', 'starlingmonkey', 'proxy3'].map(async (name) => {
      const Egress = { Allow: [`localhost:${portOf()}`] }
      await http.api('PUT', `/2015-03-31/functions/${name}/configuration`, { Egress })
      await http.server.updated(name)
    }),
  )
})
afterAll(async () => {
  upstream.closeAllConnections()
  upstream.close()
  await http[Symbol.asyncDispose]()
})

function portOf(): number {
  const address: string | AddressInfo | null = upstream.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The next bytes of a response, as text: waits until there are as many. */
async function next(incoming: IncomingMessage, bytes: number): Promise<string> {
  let text = ''
  while (Buffer.byteLength(text) < bytes) {
    const piece: unknown = incoming.read(
      Math.min(bytes - Buffer.byteLength(text), Math.max(incoming.readableLength, 1)),
    )
    if (Buffer.isBuffer(piece)) text += piece.toString()
    else await once(incoming, 'readable')
  }
  return text
}

describe('a request and its response flow at once', () => {
  test.each<[string, string]>([
    ['echo2', '/'],
    ['echo3', '/'],
    ['echo-through3', '/'],
    ['c', '/echo'],
    ['quickjs', '/upper'],
    ['starlingmonkey', '/echo'],
  ])('%s: each event is here before the next is asked for', async (name, path) => {
    const { outgoing, response } = of(name).open(path, chunked)
    outgoing.write('ID: 0\n\n')
    const incoming = await response
    expect(await next(incoming, 7)).toBe('ID: 0\n\n')
    for (let at = 1; at <= 5; at++) {
      outgoing.write(`ID: ${at}\n\n`)
      expect(await next(incoming, 7)).toBe(`ID: ${at}\n\n`)
    }
    outgoing.end()
    await once(incoming.resume(), 'end')
    expect(incoming.complete).toBe(true)
  })
})

/** Of the worker's process, in bytes: what is resident now. */
function residentBytes(): number {
  const status = readFileSync(`/proc/${http.pid()}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
}

/** How often a guest has been entered or left in the one worker: as its line of the shared page has it. */
function guestTurns(): number {
  const [path = ''] = /\/\S+\/thaw-\w+\.page/.exec(readFileSync(`/proc/${http.pid()}/maps`, 'utf8')) ?? []
  return readFileSync(path).readInt32LE((WORKERS_WORD + WORKER_SEQUENCE) * Int32Array.BYTES_PER_ELEMENT)
}

/** So many turns of the worker's event loop, at least: requests that no guest answers. */
async function workerTurns(count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const { outgoing, response } = of('inform2').open('/', { host: 'nobody.lambda-url.us-east-1.localhost' })
    outgoing.end()
    await once((await response).resume(), 'end')
  }
}

/** Sends so many bytes and takes them back. Returns how many came. */
async function pump({ outgoing, response }: Opened, bytes: number, onPiece: () => void): Promise<number> {
  const piece = Buffer.alloc(256 * 1024, 'x')
  const write = async () => {
    for (let left = bytes; left > 0; left -= piece.length)
      if (!outgoing.write(left < piece.length ? piece.subarray(0, left) : piece)) await once(outgoing, 'drain')
    outgoing.end()
  }
  const read = async () => {
    let came = 0
    for await (const part of await response) {
      came += Buffer.isBuffer(part) ? part.length : 0
      onPiece()
    }
    return came
  }
  const [came] = await Promise.all([read(), write()])
  return came
}

describe('what flows is not piled up', () => {
  // bench/ streams 1 GiB.
  test.each<[string, number]>([
    ['echo2', 256],
    ['echo3', 256],
    ['echo-through3', 256],
  ])('%s: %i MiB through it cost the worker less than 64 MiB of memory', async (name, size) => {
    const open = () => of(name).open('/', chunked)
    expect(await pump(open(), 8 * mib, () => {})).toBe(8 * mib)
    const before = residentBytes()
    let most = 0
    let pieces = 0
    const came = await pump(open(), size * mib, () => {
      if (pieces++ % 64 === 0) most = Math.max(most, residentBytes())
    })
    expect(came).toBe(size * mib)
    expect((most - before) / mib).toBeLessThan(64)
  })

  test.each<[string, string]>([
    ['c', `/big?bytes=${1024 * mib}`],
    ['write-until-dropped3', '/'],
  ])('%s: a client that does not read stops the guest', async (name, path) => {
    const before = residentBytes()
    const { outgoing, response } = of(name).open(path)
    outgoing.end()
    const incoming = await response
    await next(incoming, 1)
    // The guest has no end: unless it is held up, it runs again in every turn.
    await vi.waitFor(async () => {
      const before = guestTurns()
      await workerTurns(20)
      expect(guestTurns() - before).toBe(0)
    }, patient)
    expect((residentBytes() - before) / mib).toBeLessThan(64)
    // And goes on as soon as it does.
    const held = guestTurns()
    await next(incoming, 8 * mib)
    expect(guestTurns() - held).toBeGreaterThan(0)
    outgoing.destroy()
    await of(name).logged(/Runtime\.Aborted/)
  })
})

describe('trailers', () => {
  const withTrailers = (name: string) => {
    const { outgoing, response } = of(name).open('/', {
      method: 'POST',
      headers: ['te', 'trailers', 'transfer-encoding', 'chunked', 'trailer', 'x-sum'],
    })
    outgoing.addTrailers([['x-sum', '42']])
    outgoing.end('body')
    return response
  }

  test.each(['trailers2', 'echo-through3'])('%s: go both ways', async (name) => {
    const incoming = await withTrailers(name)
    expect(incoming.statusCode).toBe(200)
    await once(incoming.resume(), 'end')
    expect(incoming.trailers).toEqual({ 'x-sum': '42' })
  })

  test('are kept from a client that does not take them', async () => {
    const reply = await of('trailers2').send('/', { method: 'POST', body: 'x' })
    expect(reply).toMatchObject({ body: 'x-none', trailers: {} })
  })
})

test('early hints come before the response', async () => {
  const reply = await of('inform2').send()
  expect(reply.informed).toEqual([{ status: 103, headers: { link: 'hello' } }])
  expect(reply).toMatchObject({ status: 200, body: 'hello after 103\n' })
})

describe('a client that leaves ends the guest', () => {
  /** What others were answered while its only slot was taken; it is free once `leave` has been called. */
  const statusBefore = async (name: string, path: string, leave: () => void) => {
    const fn = of(name)
    const status = async () => {
      const { outgoing, response } = fn.open(path, { method: 'POST', headers: ['content-length', '0'] })
      outgoing.end()
      const { statusCode } = await response
      outgoing.destroy()
      return statusCode
    }
    const before = await status()
    leave()
    await vi.waitFor(async () => expect(await status()).not.toBe(429), patient)
    await fn.logged(/Runtime\.Aborted/)
    return before
  }

  test.each<[string, string]>([
    ['echo2', '/'],
    ['echo3', '/'],
    ['starlingmonkey', '/echo'],
  ])('%s, waiting for a body', async (name, path) => {
    const { outgoing, response } = of(name).open(path, chunked)
    outgoing.write('one')
    const incoming = await response
    incoming.on('error', () => {})
    await next(incoming, 3)
    expect(await statusBefore(name, path, () => outgoing.destroy())).toBe(429)
  })

  test.each<[string, string]>([
    ['c', `/big?bytes=${1024 * mib}`],
    ['write-until-dropped3', '/'],
  ])('%s, writing', async (name, path) => {
    const { outgoing, response } = of(name).open(path)
    outgoing.end()
    const incoming = await response
    incoming.on('error', () => {})
    await next(incoming, 1)
    expect(await statusBefore(name, path, () => outgoing.destroy())).toBe(429)
  })

  test.each<[string, (port: number) => string]>([
    ['c', (port) => `/fetch?url=http://localhost:${port}/c`],
    ['proxy3', (port) => `/localhost:${port}/proxy3`],
    ['starlingmonkey', (port) => `/fetch?url=http://localhost:${port}/starlingmonkey`],
  ])('%s, waiting for a server that it has called', async (name, path) => {
    const { outgoing } = of(name).open(path(portOf()))
    outgoing.end()
    await vi.waitFor(() => expect(received).toContain(`GET /${name}`), patient)
    expect(await statusBefore(name, '/hello', () => outgoing.destroy())).toBe(429)
  })
})

describe('after its response', () => {
  test('0.3: a task goes on when it has returned, also for a client that is gone', async () => {
    const fn = of('background3')
    const reply = await fn.send('/', { headers: ['connection', 'close'] })
    expect(reply).toMatchObject({ status: 200, body: 'now' })
    await fn.logged(/background 0\nbackground 1\n/)
    expect(await fn.log()).not.toContain('Aborted')
  })

  test('0.2: what waits by waitUntil is done', async () => {
    const path = `/after?ms=50&url=${encodeURIComponent(`http://localhost:${portOf()}/noted`)}`
    expect(await of('starlingmonkey').send(path)).toMatchObject({ status: 200, body: 'before' })
    await vi.waitFor(() => expect(received).toContain('POST /noted'), patient)
  })
})

test('a server that is told to stop lets a response end that is under way, and what follows it', async () => {
  await using other = await startHttpServer()
  const echo = await other.deploy('echo', await watHttpGuest('0.3', 'echo'))
  const background = await other.deploy('background', await watHttpGuest('0.3', 'background'))
  const { outgoing, response } = echo.open('/', chunked)
  outgoing.write('one ')
  const incoming = await response
  expect(await next(incoming, 4)).toBe('one ')
  expect((await background.send()).body).toBe('now')
  const pid = other.pid() ?? 0
  const stopped = other.server.thaw.close()
  outgoing.end('two')
  expect(await next(incoming, 3)).toBe('two')
  await once(incoming.resume(), 'end')
  await stopped
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  expect(await background.log()).toContain('background 1\n')
})
