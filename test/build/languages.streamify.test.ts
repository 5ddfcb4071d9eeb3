/** Handlers that stream their response, as AWS's `awslambda.streamifyResponse` has them. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BodyError, type BodySink, type PayloadStream } from '../../src/http/body.ts'
import type { FunctionSpec } from '../../src/invocation.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { failureOf, invocationOf, payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'

const source = `
  import { pipeline } from 'node:stream/promises'
  import { Readable } from 'node:stream'
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  let visits = 0
  const cases = {
    write: async (stream) => {
      stream.setContentType('text/plain')
      stream.write('one ')
      stream.write(Buffer.from('two '))
      await later(1)
      stream.write(new TextEncoder().encode('three'))
      stream.end()
      return 'dropped'
    },
    json: async (stream) => { stream.write({ a: 1 }); stream.write([2]); stream.end() },
    'end with a chunk': async (stream) => { stream.end('all of it') },
    'end later': async (stream) => { setTimeout(() => stream.end('later'), 5) },
    empty: async (stream) => { stream.setContentType('text/html'); stream.end() },
    pipeline: async (stream, event) => { await pipeline(Readable.from([Buffer.from(JSON.stringify(event)), Buffer.from('!')]), stream) },
    generator: async (stream) => {
      await pipeline(async function* () { for (let n = 0; n < 3; n++) { await later(1); yield 'line ' + n + ';' } }, stream)
    },
    head: async (stream) => {
      stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'x-a': 'b' }, cookies: ['c=1'] })
      stream.write('body')
      stream.end()
    },
    'head alone': async (stream) => { awslambda.HttpResponseStream.from(stream, { statusCode: 204 }).end() },
    big: async (stream) => {
      const seen = { refused: 0, drains: 0 }
      for (let at = 0; at < 40; at++) {
        if (stream.write('x'.repeat(25_000))) continue
        seen.refused++
        await new Promise((resolve) => stream.once('drain', resolve))
        seen.drains++
      }
      stream.end(JSON.stringify(seen))
    },
    'one big': async (stream) => { stream.end(new Uint8Array(1_000_000).fill(120)) },
    'until closed': async (stream) => {
      for (;;) {
        stream.write('x')
        await later(1)
        if (stream.destroyed) throw new Error('closed after ' + stream.writableLength)
      }
    },
    'too late': async (stream) => { stream.write('x'); stream.setContentType('text/plain') },
    'throws first': async () => { throw new RangeError('before') },
    'throws midway': async (stream) => { stream.write('half'); await later(1); throw new RangeError('midway') },
    'source fails': async (stream) => {
      await pipeline(async function* () { yield 'half'; throw new RangeError('source') }, stream)
    },
    'never ends': async (stream) => { stream.write('half'); await later(1) },
    'never settles': async (stream) => { stream.end('half'); await new Promise(() => {}) },
    destroyed: async (stream) => { stream.write('half'); stream.destroy() },
    'not async': (stream) => { stream.end('x') },
    'unhandled': async (stream) => { stream.write('x'); Promise.reject(new Error('nobody')); await later(5); stream.end() },
    timer: async (stream) => { setTimeout(() => { throw new TypeError('in a timer') }, 1); await later(50); stream.end() },
    visits: async (stream) => { stream.end(String(++visits)) },
    context: async (stream, event, context) => {
      stream.end(JSON.stringify({ id: typeof context.awsRequestId, left: context.getRemainingTimeInMillis() > 0, done: typeof context.done, is: stream instanceof (await import('node:stream')).Writable }))
    },
  }
  export const handler = awslambda.streamifyResponse((event, stream, context) => cases[event.name](stream, event, context))
`

const hono = join(import.meta.dirname, '..', '..', 'node_modules', 'hono')

let runtime: TestRuntime
let spec: FunctionSpec
beforeAll(async () => {
  runtime = await testRuntime()
  spec = await runtime.deploy(javascriptFunction(source))
})
afterAll(() => runtime[Symbol.asyncDispose]())

/** Takes what is written, `most` bytes at a time, and fails when it has `until`. */
class Receiver implements PayloadStream, BodySink {
  type: string | undefined
  text = ''
  writes: number[] = []
  ended = false
  failure: BodyError | undefined
  readonly drained = true
  readonly heldBytes = 0
  readonly #most: number
  readonly #leavesAfter: number

  constructor(most = 65_536, leavesAfter = Infinity) {
    this.#most = most
    this.#leavesAfter = leavesAfter
  }

  get capacity(): number {
    return this.#most
  }

  start(contentType: string): BodySink {
    this.type = contentType
    return this
  }

  write(bytes: Uint8Array): void {
    this.writes.push(bytes.length)
    this.text += Buffer.from(bytes).toString()
    if (this.writes.length === this.#leavesAfter) this.fail(new BodyError('aborted', 'the caller has gone'))
  }

  onWritable(callback: () => void): () => void {
    const immediate = setImmediate(callback)
    return () => clearImmediate(immediate)
  }

  end(): void {
    this.ended = true
  }

  fail(error: BodyError): void {
    this.failure ??= error
  }
}

async function streamed(name: string, receiver = new Receiver(), of: FunctionSpec = spec) {
  const invocation = { ...invocationOf(of, JSON.stringify({ name })), payloadStream: receiver }
  const result = await runtime.runtime.invoke(invocation)
  expect(runtime.impurities).toEqual([])
  return { receiver, result }
}
const collected = async (name: string) => payloadText(await runtime.invoke(spec, JSON.stringify({ name })))

describe('what is written', () => {
  test('leaves at once, with its type; what the handler returns does not', async () => {
    const { receiver, result } = await streamed('write')
    expect(receiver).toMatchObject({ type: 'text/plain', text: 'one two three', writes: [4, 4, 5], ended: true })
    expect(result.outcome).toMatchObject({ kind: 'success', payload: new Uint8Array(0) })
    expect(result.log).toContain('Streaming handlers ignore return values.')
  })

  test.each([
    ['json', '{"a":1}[2]'],
    ['end with a chunk', 'all of it'],
    ['end later', 'later'],
    ['pipeline', '{"name":"pipeline"}!'],
    ['generator', 'line 0;line 1;line 2;'],
  ])('%s', async (name, text) => {
    const { receiver } = await streamed(name)
    expect(receiver).toMatchObject({ type: 'application/octet-stream', text, ended: true })
  })

  test('an empty body is a body, of its type', async () => {
    expect((await streamed('empty')).receiver).toMatchObject({ type: 'text/html', text: '', ended: true })
  })

  test('a caller that takes it whole gets it whole', async () => {
    expect(await collected('write')).toBe('one two three')
    expect(await collected('empty')).toBe('')
  })

  test('stream and context are what handlers expect', async () => {
    expect(JSON.parse(await collected('context'))).toEqual({ id: 'string', left: true, done: 'undefined', is: true })
  })

  test('nothing of one invocation is in the next', async () => {
    expect([await collected('visits'), await collected('visits')]).toEqual(['1', '1'])
  })
})

describe('HttpResponseStream', () => {
  const integration = 'application/vnd.awslambda.http-integration-response'

  test('the head goes before the body, with eight zero bytes behind it', async () => {
    const { receiver } = await streamed('head')
    const head = '{"statusCode":201,"headers":{"x-a":"b"},"cookies":["c=1"]}'
    expect(receiver).toMatchObject({ type: integration, text: `${head}${'\0'.repeat(8)}body`, ended: true })
  })

  test('also where there is no body', async () => {
    const { receiver } = await streamed('head alone')
    expect(receiver).toMatchObject({ type: integration, text: `{"statusCode":204}${'\0'.repeat(8)}`, ended: true })
  })
})

describe('a caller that is slow', () => {
  test('write says so, drain when it goes on', async () => {
    const { receiver } = await streamed('big', new Receiver(1_000))
    expect(receiver.text.length).toBeGreaterThan(1_000_000)
    expect(Math.max(...receiver.writes)).toBeLessThanOrEqual(1_000)
    expect(receiver.text.slice(1_000_000)).toBe('{"refused":40,"drains":40}')
  })

  test('a chunk of any size goes in pieces', async () => {
    const { receiver } = await streamed('one big', new Receiver(1e9))
    expect(receiver.text).toHaveLength(1_000_000)
    expect(Math.max(...receiver.writes)).toBe(65_536)
  })
})

describe('failing', () => {
  test('before the first byte: nothing was begun', async () => {
    const { receiver, result } = await streamed('throws first')
    expect(failureOf(result)).toMatchObject({ errorType: 'RangeError', errorMessage: 'before' })
    expect(receiver.type).toBeUndefined()
  })

  test.each([
    ['throws midway', 'RangeError', 'midway'],
    ['source fails', 'RangeError', 'source'],
    ['never ends', 'Runtime.InvalidStreamingOperation', 'Response stream is not finished.'],
    ['destroyed', 'Runtime.InvalidStreamingOperation', 'Response stream is not finished.'],
    ['never settles', 'Runtime.ExitError', 'nothing is left to run'],
    ['unhandled', 'Runtime.UnhandledPromiseRejection', 'nobody'],
  ])('%s: what was written is cut short', async (name, errorType, message) => {
    const { receiver, result } = await streamed(name)
    const failure = failureOf(result)
    expect(failure.errorType).toBe(errorType)
    expect(failure.errorMessage).toContain(message)
    expect(receiver.text).toMatch(/^(?:half|x)$/)
    expect(receiver.ended).toBe(false)
    expect(receiver.failure?.kind).toBe('aborted')
  })

  test.each([
    ['too late', 'Runtime.InvalidStreamingOperation', 'Cannot set content-type, too late.'],
    ['not async', 'string', 'Streaming does not support non-async handlers.'],
    ['timer', 'TypeError', 'in a timer'],
  ])('%s', async (name, errorType, errorMessage) => {
    expect(failureOf(await runtime.invoke(spec, JSON.stringify({ name })))).toMatchObject({ errorType, errorMessage })
  })

  test('a caller that has gone: the stream is destroyed, with EPIPE', async () => {
    const { receiver, result } = await streamed('until closed', new Receiver(1_000, 3))
    expect(receiver.writes).toHaveLength(3)
    expect(failureOf(result).errorMessage).toMatch(/^closed after/)
  })

  test('over the limit of what is collected', async () => {
    const wide = await runtime.deploy(
      javascriptFunction(`export const handler = awslambda.streamifyResponse(async (event, stream) => {
        for (let at = 0; at < 70; at++) stream.write('x'.repeat(100_000))
        stream.end()
      })`),
    )
    expect(failureOf(await runtime.invoke(wide)).errorType).toBe('Function.ResponseSizeTooLarge')
  })
})

describe('how it is found', () => {
  test('CommonJS, and a handler that was wrapped and carries the mark over', async () => {
    const wrapped = await runtime.deploy(
      javascriptFunction(
        {
          'index.cjs': `
            const mark = Symbol.for('aws.lambda.runtime.handler.streaming')
            exports.handler = async (event, stream) => { stream.end('by its mark') }
            exports.handler[mark] = 'response'`,
        },
        'index.handler',
      ),
    )
    expect((await streamed('', new Receiver(), wrapped)).receiver.text).toBe('by its mark')
  })

  test('another kind of streaming is refused at deploy', async () => {
    const other = `export const handler = async () => 1
      handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'request'`
    await expect(runtime.deploy(javascriptFunction(other))).rejects.toThrow('Only response streaming is supported.')
  })

  test('a function that does not stream may look for it', async () => {
    const both = await runtime.deploy(
      javascriptFunction(
        `export const handler = async () => typeof awslambda.streamifyResponse + ' ' + typeof awslambda.HttpResponseStream.from`,
      ),
    )
    expect(payloadText(await runtime.invoke(both))).toBe('"function function"')
  })

  test("Hono's streamHandle", async () => {
    const paths = globSync(['dist/**/*.js', 'package.json'], { cwd: hono, exclude: ['dist/cjs/**'] })
    const packaged = paths.map((path) => [`node_modules/hono/${path}`, readFileSync(join(hono, path), 'utf8')] as const)
    const app = await runtime.deploy(
      javascriptFunction({
        'index.mjs': `
          import { Hono } from 'hono'
          import { streamHandle } from 'hono/aws-lambda'
          import { streamText } from 'hono/streaming'
          const app = new Hono()
          app.get('/', (c) => streamText(c, async (stream) => { await stream.write('one '); await stream.sleep(1); await stream.write('two') }))
          export const handler = streamHandle(app)`,
        ...Object.fromEntries(packaged),
      }),
    )
    const receiver = new Receiver()
    const event = { version: '2.0', rawPath: '/', rawQueryString: '', headers: { host: 'a.example' } }
    const requestContext = { domainName: 'a.example', http: { method: 'GET', path: '/' } }
    const payload = JSON.stringify({ ...event, requestContext, isBase64Encoded: false })
    await runtime.runtime.invoke({ ...invocationOf(app, payload), payloadStream: receiver })
    const [head = '', body] = receiver.text.split('\0'.repeat(8))
    expect(JSON.parse(head)).toMatchObject({
      statusCode: 200,
      headers: { 'content-type': expect.stringMatching(/^text\/plain/) },
    })
    expect({ body, ended: receiver.ended }).toEqual({ body: 'one two', ended: true })
  })
})
