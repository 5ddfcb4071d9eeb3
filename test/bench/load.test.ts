import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { answerTo } from '../../bench/canary.ts'
import { Connection, fieldOf, parseAnswer, requestHead } from '../../bench/load/connection.ts'
import { runClosedLoad } from '../../bench/load/closed.ts'
import { runOpenLoad } from '../../bench/load/open.ts'
import type { LoadTarget } from '../../bench/load/plan.ts'
import { startOf } from '../../bench/load/recorder.ts'
import { interleave, rotated } from '../../bench/rounds.ts'

describe('an answer from its bytes', () => {
  const parse = (text: string) => parseAnswer(Buffer.from(text))

  test('with a length', () => {
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')).toMatchObject({ status: 200, body: 'ok' })
  })

  test('in chunks', () => {
    const text = 'HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n'
    expect(parse(text)).toMatchObject({ status: 404, body: 'abc0123456789' })
  })

  test('is not there until all of it has come', () => {
    const text = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
    for (let length = 0; length < text.length; length++) expect(parse(text.slice(0, length))).toBeUndefined()
  })

  test('header fields are found in any case', () => {
    const head = 'HTTP/1.1 200 OK\r\nServer-Timing: start;desc=warm, total;dur=0.2\r\nx: y'
    expect(fieldOf(head, 'server-timing')).toBe('start;desc=warm, total;dur=0.2')
    expect(fieldOf(head, 'X')).toBe('y')
    expect(fieldOf(head, 'z')).toBeUndefined()
    expect(startOf(head)).toBe('warm')
  })
})

describe('loads', () => {
  const closers: (() => void)[] = []
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })

  /** Answers as `answer` says; it is given the id and how many requests came before. */
  async function serve(answer: (id: string, n: number) => string, delayMs = () => 0): Promise<LoadTarget> {
    let n = 0
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const id = /"id":"([^"]*)"/.exec(Buffer.concat(chunks).toString())?.[1] ?? ''
        const body = answer(id, n++)
        setTimeout(() => response.end(body), delayMs())
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return { host: '127.0.0.1', ports: [port], path: '/', canary: 'pristine' }
  }

  test('a closed load counts the right answers', async () => {
    const target = await serve(answerTo)
    const result = await runClosedLoad({ kind: 'closed', target, connections: 3, warmupMs: 0, durationMs: 60, run: 1 })
    expect(result.answers).toBeGreaterThan(0)
    expect(result.latenciesMs).toHaveLength(result.answers)
    expect(result).toMatchObject({ breaches: 0, errors: {} })
  })

  test('an answer with state of another invocation is found, and does not count', async () => {
    const target = await serve((id, n) => (n === 2 ? answerTo(id).replace(':1}', ':2}') : answerTo(id)))
    const result = await runClosedLoad({ kind: 'closed', target, connections: 1, warmupMs: 0, durationMs: 60, run: 1 })
    expect(result).toMatchObject({ breaches: 1, breach: 'saw the state of 1 earlier invocations' })
  })

  test('an open load sends as many as are due, and each on time', async () => {
    const target = await serve(answerTo)
    const load = {
      kind: 'open',
      target,
      connections: 4,
      ratePerSecond: 500,
      warmupMs: 40,
      durationMs: 100,
      run: 1,
    } as const
    const result = await runOpenLoad(load)
    expect(result.answers).toBe(50)
    const gaps = [...result.dueAtMs].sort((a, b) => a - b).map((due, index, all) => due - (all[index - 1] ?? due - 2))
    for (const gap of gaps) expect(gap).toBeCloseTo(2, 3)
  })

  test('who waits for a connection is timed from when it was due', async () => {
    // One connection, 20 ms an answer, a request every 5 ms: each waits longer than the one before.
    const target = await serve(answerTo, () => 20)
    const load = {
      kind: 'open',
      target,
      connections: 1,
      ratePerSecond: 200,
      warmupMs: 0,
      durationMs: 40,
      run: 1,
    } as const
    const result = await runOpenLoad(load)
    expect(result.answers).toBe(8)
    expect(Math.max(...result.latenciesMs)).toBeGreaterThan(80)
  })

  test('what fails is counted by what it was', async () => {
    const target = await serve(answerTo)
    using connection = await Connection.open(target.host, target.ports[0] ?? 0)
    const head = requestHead({ host: target.host, port: target.ports[0] ?? 0, path: '/' }, 0)
    expect((await connection.request(head)).status).toBe(200)
    for (const close of closers.splice(0)) close()
    await expect(connection.request(head)).rejects.toThrow(/closed|ECONN|EPIPE/)
  })
})

describe('rounds', () => {
  test('each begins with another subject, and results keep the order of the rounds', async () => {
    const seen: string[] = []
    const results = await interleave(['a', 'b', 'c'], 2, (subject, round) => {
      seen.push(subject)
      return Promise.resolve(`${subject}${round}`)
    })
    expect(seen).toEqual(['a', 'b', 'c', 'b', 'c', 'a'])
    expect(results.get('a')).toEqual(['a0', 'a1'])
  })

  test('rotation wraps around', () => {
    expect(rotated([1, 2, 3], 4)).toEqual([2, 3, 1])
    expect(rotated([], 4)).toEqual([])
  })
})
