/** Functions of fetch style as HTTP: bodies both ways as they flow, how such an invocation ends, and what it leaves. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { BodyError, type BodySource } from '../../src/http/body.ts'
import type { FunctionSpec } from '../../src/invocation.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { TestExchange, type RequestOptions } from '../support/http-exchange.ts'
import { testRuntime, type InvokeOptions, type TestRuntime } from '../support/runtime.ts'

const source = `
import { afterRestore, onInit } from 'thaw:hooks'

const text = (bytes) => new TextDecoder().decode(bytes)
const bytes = (text) => new TextEncoder().encode(text)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const seen = []
onInit(() => void seen.push('init'))
afterRestore(() => void seen.push('restored'))
let calls = 0

const routes = {
  '/calls': () => new Response(String(++calls)),
  '/hooks': () => Response.json(seen),
  '/context': (request, env, ctx) => Response.json([env.COLOUR, Object.keys(ctx), request.signal.aborted]),
  '/shout': (request) => new Response(request.body.pipeThrough(new TransformStream({
    transform: (piece, controller) => controller.enqueue(bytes(text(piece).toUpperCase())),
  }))),
  '/echo': (request) => new Response(request.body),
  '/json': async (request) => Response.json(await request.json()),
  '/clone': async (request) => Response.json([await request.clone().text(), await request.text(), request.bodyUsed]),
  '/first-piece': async (request) => {
    const reader = request.body.getReader()
    const { value } = await reader.read()
    await reader.cancel()
    return new Response(value)
  },
  '/unread': () => new Response('done'),
  '/read-error': (request) => request.text().catch((error) => new Response(error.name + ': ' + error.message)),
  '/head': () => new Response('twelve bytes', { headers: { 'x-y': '\\u00fc', connection: 'close', 'set-cookie': 'a=1' } }),
  '/large': () => new Response('x'.repeat(20_000)),
  '/no-content': () => new Response(null, { status: 204 }),
  '/throw': () => { throw new RangeError('before the head') },
  '/no-response': () => 'text',
  '/read-response': async () => { const response = new Response('x'); await response.text(); return response },
  '/bad-chunk': () => new Response(new ReadableStream({ start(c) { c.enqueue('text'); c.close() } })),
  '/mid-body': () => new Response(ReadableStream.from((async function* () {
    yield bytes('one')
    await sleep(1)
    throw new RangeError('in the body')
  })())),
  '/uncaught': () => { setTimeout(() => { throw new RangeError('in a timer') }, 1); return sleep(5_000) },
  '/unhandled': () => { Promise.reject(new RangeError('nobody asks')); return new Response('x') },
  '/unhandled-late': async (request) => { await request.text(); Promise.reject(new RangeError('nobody asks')); await new Promise(() => {}) },
  '/handled': async () => { const failing = Promise.reject(new Error('x')); await sleep(0); return new Response('ok') },
  '/never': () => new Promise(() => {}),
  '/wait': (request, env, ctx) => {
    ctx.waitUntil(fetch(env.UPSTREAM + '/held').then((answer) => answer.text()).then((answer) => console.log('after: ' + answer)))
    return new Response('sent')
  },
  '/wait-fails': (request, env, ctx) => { ctx.waitUntil(sleep(1).then(() => { throw new RangeError('in waitUntil') })); return new Response('sent') },
  '/pending': (request, env) => {
    setTimeout(() => {}, 60_000)
    void request.body.getReader().read()
    fetch(env.UPSTREAM + '/never').catch(() => {})
    AbortSignal.timeout(60_000)
    return new Response('answered')
  },
  '/together': async (request, env) => {
    const answers = await Promise.all([1, 2, 3].map((n) => fetch(env.UPSTREAM + '/together/3?' + n)))
    return new Response((await Promise.all(answers.map((answer) => answer.text()))).join())
  },
  '/proxy': (request, env) => fetch(env.UPSTREAM + '/count', { method: 'POST', body: request.body, duplex: 'half' }),
  '/download': (request, env) => fetch(env.UPSTREAM + '/big'),
  '/never-fetch': (request, env) => fetch(env.UPSTREAM + '/never'),
  '/aborted': (request, env) => fetch(env.UPSTREAM + '/never', { signal: AbortSignal.timeout(20) }).catch((error) => new Response(error.name)),
  '/timers': async () => {
    const order = []
    const note = (name) => () => order.push(name)
    setTimeout(note('ten'), 10)
    setTimeout(note('two'), 2)
    setTimeout(() => { order.push('one'); Promise.resolve().then(note('microtask of one')) }, 1)
    setTimeout(note('one again'), 1)
    setImmediate(note('immediate'))
    const cleared = setTimeout(note('cleared'), 3)
    let ticks = 0
    await new Promise((resolve) => {
      const interval = setInterval(() => { if (++ticks === 3) { clearInterval(interval); resolve() } }, 1)
      clearTimeout(cleared)
    })
    await sleep(15)
    return Response.json(order)
  },
  '/many': async () => {
    const waits = Array.from({ length: 500 }, (_, at) => sleep(at % 7).then(() => at))
    return new Response(String((await Promise.all(waits)).reduce((sum, at) => sum + at)))
  },
  '/log': () => { console.log('said'); return new Response(process.env._X_AMZN_TRACE_ID) },
}

export default { fetch: (request, env, ctx) => routes[new URL(request.url).pathname](request, env, ctx) }
`

let rt: TestRuntime
let spec: FunctionSpec
let held: ServerResponse[] = []
const arrived: Record<string, (() => void) | undefined> = {}
let closed = Promise.withResolvers<void>()

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { pathname } = new URL(incoming.url ?? '/', 'http://x')
  if (pathname === '/never') {
    outgoing.on('close', closed.resolve)
    return arrived.never?.()
  }
  if (pathname === '/big') return void outgoing.end(Buffer.alloc(1_000_000, 'y'))
  if (pathname === '/count') {
    let bytes = 0
    for await (const piece of incoming) bytes += (piece as Buffer).length
    return void outgoing.end(String(bytes))
  }
  held.push(outgoing)
  if (pathname === '/held') return arrived.held?.()
  if (held.length === 3) for (const each of held.splice(0)) each.end(each.req.url)
}
const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  rt = await testRuntime()
  const environment = { COLOUR: 'blue', UPSTREAM: `http://localhost:${port}` }
  spec = await rt.deploy(javascriptFunction(source), { environment, egress: [`localhost:${port}`] })
}, 120_000)
afterEach(() => {
  held = []
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rt[Symbol.asyncDispose]()
})

async function call(path: string, options: RequestOptions = {}, more: InvokeOptions = {}, of = spec) {
  const http = new TestExchange(path, options)
  const { outcome, log, report } = await rt.invoke(of, '', { http, ...more })
  return { http, outcome, log, report }
}
const post = (path: string, body: NonNullable<RequestOptions['body']>) => call(path, { method: 'POST', body })
/** The whole body of a success. */
async function bodyOf(called: ReturnType<typeof call>): Promise<string> {
  expect(rt.impurities).toEqual([])
  const { http, outcome } = await called
  expect([outcome, http.sink.ended]).toEqual([{ kind: 'success', payload: expect.anything() }, []])
  return http.body
}

/** A body whose pieces come when the test says so. */
class Fed implements BodySource {
  readonly trailers = []
  readonly heldBytes = 0
  #pieces: Uint8Array[] = []
  #end: BodyError | 'end' | undefined
  #callback: (() => void) | undefined
  cancelled = false
  onWait: (() => void) | undefined

  push(text: string): void {
    this.#pieces.push(Buffer.from(text))
    this.#wake()
  }
  end(error: BodyError | 'end' = 'end'): void {
    this.#end = error
    this.#wake()
  }
  #wake(): void {
    const callback = this.#callback
    this.#callback = undefined
    if (callback !== undefined) setImmediate(callback)
  }
  read(): Uint8Array | 'wait' | 'end' {
    const piece = this.#pieces.shift()
    if (piece !== undefined) return piece
    if (this.#end instanceof BodyError) throw this.#end
    return this.cancelled ? 'end' : (this.#end ?? 'wait')
  }
  onReadable(callback: () => void): () => void {
    this.#callback = callback
    this.onWait?.()
    if (this.#pieces.length > 0 || this.#end !== undefined) this.#wake()
    return () => {
      this.#callback = undefined
    }
  }
  cancel(): void {
    this.cancelled = true
  }
}

/** Resolves when the sink has what is looked for. */
function written(http: TestExchange, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    const write = http.sink.write.bind(http.sink)
    http.sink.write = (bytes) => {
      write(bytes)
      if (http.body === wanted) resolve()
    }
  })
}

describe('bodies', () => {
  test('each piece is answered before the next is sent', async () => {
    const body = new Fed()
    const http = new TestExchange('/shout', { method: 'POST', body })
    const result = rt.invoke(spec, '', { http })
    let all = ''
    for (const piece of ['one ', 'two ', 'three']) {
      all += piece.toUpperCase()
      const seen = written(http, all)
      body.push(piece)
      await seen
    }
    expect(http.sink.ended).toBeUndefined()
    body.end()
    expect((await result).outcome.kind).toBe('success')
    expect(http.sink.ended).toEqual([])
  })

  test('64 MiB pass through 128 MB', async () => {
    const total = 64 * 1_048_576
    const piece = Buffer.alloc(65_536, 'z')
    let sent = 0
    const body: BodySource = {
      trailers: [],
      heldBytes: 0,
      read(most) {
        if (sent === total) return 'end'
        const bytes = piece.subarray(0, Math.min(most, total - sent))
        sent += bytes.length
        return bytes
      },
      onReadable: () => () => {},
      cancel() {},
    }
    const http = new TestExchange('/echo', { method: 'POST', body })
    let received = 0
    const write = http.sink.write.bind(http.sink)
    http.sink.write = (bytes) => {
      write(bytes)
      received += http.sink.pieces.pop()?.length ?? 0
    }
    const { outcome, report } = await rt.invoke({ ...spec, timeoutMs: 60_000 }, '', { http })
    expect([outcome.kind, received, http.sink.ended]).toEqual(['success', total, []])
    expect(report.maxMemoryBytes).toBeLessThan(16 * 1_048_576)
  }, 90_000)

  test('of a request: whole, copied, in part, not at all', async () => {
    expect(await bodyOf(post('/json', '{"a":[1,"ü"]}'))).toBe('{"a":[1,"ü"]}')
    expect(await bodyOf(post('/clone', 'twice'))).toBe('["twice","twice",true]')
    const body = new Fed()
    body.push('first')
    expect(await bodyOf(post('/first-piece', body))).toBe('first')
    expect(body.cancelled).toBe(true)
    expect(await bodyOf(post('/unread', new Fed()))).toBe('done')
    expect(await bodyOf(post('/json', '0'))).toBe('0')
    expect(await bodyOf(call('/echo'))).toBe('')
  })

  test('of a request that breaks off is an error to who reads it', async () => {
    const body = new Fed()
    body.push('half')
    body.end(new BodyError('aborted', 'gone'))
    expect(await bodyOf(post('/read-error', body))).toMatch(/^TypeError: The body of the request is not whole/)
  })

  test('of HEAD and of statuses without one are not sent', async () => {
    const head = (await call('/head', { method: 'HEAD' })).http
    expect([head.status, head.body, head.sink.ended]).toEqual([200, '', []])
    expect(head.head?.headers).toEqual([
      ['content-type', 'text/plain;charset=UTF-8'],
      ['set-cookie', 'a=1'],
      ['x-y', 'ü'],
      ['content-length', '12'],
    ])
    const { http } = await call('/no-content')
    expect([http.status, http.head?.headers, http.body, http.sink.ended]).toEqual([204, [], '', []])
    expect((await call('/large')).http.head?.headers).toContainEqual(['content-length', '20000'])
  })
})

describe('what goes wrong', () => {
  const failures: [path: string, errorType: string, errorMessage: unknown][] = [
    ['/throw', 'RangeError', 'before the head'],
    ['/no-response', 'TypeError', 'The fetch handler did not return a Response'],
    ['/read-response', 'TypeError', expect.stringContaining('disturbed')],
    ['/uncaught', 'RangeError', 'in a timer'],
    ['/unhandled', 'Runtime.UnhandledPromiseRejection', 'RangeError: nobody asks'],
    ['/unhandled-late', 'Runtime.UnhandledPromiseRejection', 'RangeError: nobody asks'],
    ['/handled', 'Runtime.UnhandledPromiseRejection', 'Error: x'],
    ['/never', 'Runtime.InvalidResponse', 'the function ended without a response'],
  ]
  test.each(failures)('%s before the head: there is no response', async (path, errorType, errorMessage) => {
    const { http, outcome } = await post(path, 'body')
    expect(outcome).toMatchObject({ kind: 'failure', failure: { errorType, errorMessage } })
    expect(http.head).toBeUndefined()
  })

  test('a rejection that nobody handles shows also when only a body was waited for', async () => {
    const body = new Fed()
    const read = new Promise<void>((resolve) => (body.onWait = resolve))
    const result = post('/unhandled-late', body)
    await read
    // The function has had its first turn, in which there was nothing to find.
    for (let turns = 0; turns < 5; turns++) await turn()
    body.push('late')
    body.end()
    const failure = { errorType: 'Runtime.UnhandledPromiseRejection' }
    expect((await result).outcome).toMatchObject({ kind: 'failure', failure })
  })

  test("a trace has the author's lines", async () => {
    const { outcome } = await call('/throw')
    const trace = outcome.kind === 'failure' ? outcome.failure.trace : []
    expect(trace?.slice(0, 2)).toEqual([
      'RangeError: before the head',
      expect.stringMatching(/^ {4}at \/throw \(\/var\/task\/index\.mjs:33:\d+\)$/),
    ])
    expect(trace?.join('\n')).toMatch(/at fetch \(\/var\/task\/index\.mjs:\d+:\d+\)/)
  })

  test('in the body: it never looks whole', async () => {
    const { http, outcome } = await call('/mid-body')
    expect(outcome).toMatchObject({ failure: { errorType: 'RangeError', errorMessage: 'in the body' } })
    expect([http.status, http.body, http.sink.ended]).toEqual([200, 'one', undefined])
    expect(http.sink.failure).toBeDefined()
    const bad = await call('/bad-chunk')
    expect(bad.outcome).toMatchObject({ failure: { errorType: 'TypeError' } })
    expect([bad.http.sink.ended, bad.http.sink.failure]).toEqual([undefined, expect.anything()])
  })

  test('after the response: it was whole, and the invocation has failed', async () => {
    const { http, outcome } = await call('/wait-fails')
    expect(outcome).toMatchObject({ failure: { errorType: 'RangeError', errorMessage: 'in waitUntil' } })
    expect([http.body, http.sink.ended]).toEqual(['sent', []])
  })

  test('a client that goes ends the function and its requests', async () => {
    closed = Promise.withResolvers()
    const there = new Promise<void>((resolve) => (arrived.never = resolve))
    const gone = new AbortController()
    const result = call('/never-fetch', {}, { signal: gone.signal })
    await there
    gone.abort()
    expect((await result).outcome).toMatchObject({ failure: { errorType: 'Runtime.Aborted' } })
    await closed.promise
    expect(await bodyOf(call('/unread'))).toBe('done')
  })
})

test('waitUntil goes on after the response', async () => {
  const there = new Promise<void>((resolve) => (arrived.held = resolve))
  const http = new TestExchange('/wait')
  const whole = new Promise<void>((resolve) => {
    const end = http.sink.end.bind(http.sink)
    http.sink.end = (trailers) => resolve(end(trailers))
  })
  const result = rt.invoke(spec, '', { http })
  await Promise.all([there, whole])
  // Only now, when the response is whole, does what it waits for come.
  held.pop()?.end('released')
  const { outcome, log } = await result
  expect([outcome.kind, http.body]).toEqual(['success', 'sent'])
  expect(log).toContain('after: released')
})

test('what else is pending keeps nothing waiting', async () => {
  expect(await bodyOf(post('/pending', new Fed()))).toBe('answered')
})

test('each invocation begins with the snapshot', async () => {
  expect([await bodyOf(call('/calls')), await bodyOf(call('/calls'))]).toEqual(['1', '1'])
  expect([await bodyOf(call('/hooks')), await bodyOf(call('/hooks'))]).toEqual(Array(2).fill('["init","restored"]'))
  expect((await call('/calls')).report.start).toBe('warm')
})

test('environment, context, request id and trace id', async () => {
  const context = ['waitUntil', 'passThroughOnException', 'props']
  expect(JSON.parse(await bodyOf(call('/context')))).toEqual(['blue', context, false])
  const { http, log } = await call('/log', {}, { requestId: 'the-id', traceId: 'Root=1' })
  expect(log).toMatch(/\tthe-id\tINFO\tsaid\n$/)
  expect(http.body).toBe('Root=1')
})

test('timers in their order, and many at once', async () => {
  const order: unknown = JSON.parse(await bodyOf(call('/timers')))
  expect(order).toEqual(['immediate', 'one', 'microtask of one', 'one again', 'two', 'ten'])
  expect(await bodyOf(call('/many'))).toBe(String((500 * 499) / 2))
})

test('what an async context keeps comes through timers and bodies', async () => {
  const storing = `
    import { AsyncLocalStorage } from 'node:async_hooks'
    const storage = new AsyncLocalStorage()
    const answer = async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      await request.text()
      return new Response(storage.getStore())
    }
    export default { fetch: (request) => storage.run('kept', () => answer(request)) }`
  const own = await rt.deploy(javascriptFunction(storing))
  expect(await bodyOf(call('/', { method: 'POST', body: 'x' }, {}, own))).toBe('kept')
})

describe('outgoing requests', () => {
  test('run at once', async () => {
    expect(await bodyOf(call('/together'))).toBe('/together/3?1,/together/3?2,/together/3?3')
  })
  test('send and pass on bodies as they come', async () => {
    expect(await bodyOf(post('/proxy', Buffer.alloc(300_000)))).toBe('300000')
    expect((await bodyOf(call('/download'))).length).toBe(1_000_000)
  })
  test('are given up by a signal', async () => {
    expect(await bodyOf(call('/aborted'))).toBe('TimeoutError')
  })
})

test('Invoke takes an event in payload format 2.0, and nothing else', async () => {
  const event = {
    version: '2.0',
    rawPath: '/json',
    headers: { host: 'h.example' },
    requestContext: { http: { method: 'POST' } },
    body: '[1]',
  }
  const { outcome } = await rt.invoke(spec, JSON.stringify(event))
  expect(outcome.kind === 'success' && JSON.parse(Buffer.from(outcome.payload).toString())).toMatchObject({
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: '[1]',
    isBase64Encoded: false,
  })
  expect((await rt.invoke(spec, '{}')).outcome).toMatchObject({ failure: { errorType: 'Runtime.InvalidEvent' } })
})

test('instances come back clean', () => {
  expect(rt.impurities).toEqual([])
})
