/** HTTP components by Invoke and InvokeWithResponseStream, and functions that take events and stream their payload. */
import { UpdateFunctionUrlConfigCommand } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { watComponent } from '../../support/guests.ts'
import { cHttpGuest, quickjsHttpGuest, starlingmonkeyHttpGuest, watHttpGuest } from '../../support/http-guests.ts'
import { combinedGuest, pathIn } from './combined-guest.ts'
import {
  eventOf,
  invokeStreamed,
  prelude,
  startHttpServer,
  type Deployed,
  type DeployInput,
  type HttpServer,
} from './support.ts'

let http: HttpServer
const deployed = new Map<string, Deployed>()
const of = (name: string): Deployed => deployed.get(name) ?? expect.fail(`${name} is not deployed`)
const invoke = (name: string, event: unknown) => http.server.invoke(name, event, { LogType: 'Tail' })
const stream = (name: string, event: unknown) => invokeStreamed(http.server, name, event)

const second = ['no-body', 'unfinished', 'trap-mid-body', 'set-err']

const integration = 'application/vnd.awslambda.http-integration-response'
const head = JSON.stringify({ statusCode: 201, headers: { 'x-made': 'yes' }, cookies: ['a=1', 'b=2'] })

/** Streams its event back by response-stream, with this type and text before it. */
const streamer = (type: string, text: string, ending = '(call $ok (i32.const 0) (i32.const 0))') => `
  (import "thaw:function/response-stream@0.1.0" "start" (func $start (param i32 i32)))
  (import "thaw:function/response-stream@0.1.0" "write" (func $write (param i32 i32) (result i32)))
  (data (i32.const 1024) "${type}")
  (data (i32.const 2048) "${text.replaceAll('"', '\\22').replaceAll('\0', '\\00')}")
  (func (export "thaw:function/handler@0.1.0#handle") (param $context i32) (result i32)
    (call $start (i32.const 1024) (i32.const ${type.length}))
    (drop (call $write (i32.const 2048) (i32.const ${text.length})))
    (drop (call $write (i32.load (local.get $context)) (i32.load offset=4 (local.get $context))))
    ${ending})`

beforeAll(async () => {
  http = await startHttpServer({ limits: { responseBytes: 100_000 } })
  const deploy = async (name: string, component: Uint8Array, more: DeployInput = {}) => {
    deployed.set(name, await http.deploy(name, component, { MemorySize: 256, Timeout: 10, ...more }))
  }
  const streaming: DeployInput = { invokeMode: 'RESPONSE_STREAM' }
  const headed = async (text: string, ending?: string) => watComponent(streamer(integration, text, ending))
  await Promise.all([
    deploy('second', await combinedGuest(second)),
    deploy('echo2', await watHttpGuest('0.2', 'echo')),
    deploy('echo3', await watHttpGuest('0.3', 'echo')),
    deploy('trap3', await watHttpGuest('0.3', 'trap-mid-body')),
    deploy('c', await cHttpGuest('routes')),
    deploy('quickjs', await quickjsHttpGuest()),
    deploy('starlingmonkey', await starlingmonkeyHttpGuest()),
    deploy('plain', await watComponent(streamer('text/event-stream', 'data: ')), streaming),
    deploy('headed', await headed(`${head}${'\0'.repeat(8)}made `), streaming),
    deploy('headless', await headed('{"statusCode":201}'), streaming),
    deploy('streams-and-traps', await headed(`${head}${'\0'.repeat(8)}half`, '(unreachable)'), streaming),
  ])
})
afterAll(() => http[Symbol.asyncDispose]())

describe('Invoke with a request in payload format 2.0', () => {
  test('gives the response as a function would return it', async () => {
    const event = eventOf('/headers', { headers: { 'x-one': '1', host: 'shop.test' }, cookies: ['c=1', 'd=2'] })
    const { payload } = await invoke('starlingmonkey', event)
    expect(payload).toMatchObject({
      statusCode: 200,
      headers: { 'x-one': '1' },
      cookies: ['a=1', 'b=2'],
      body: expect.stringMatching(/cookie: c=1; d=2\n(.*\n)*x-one: 1\n/),
      isBase64Encoded: false,
    })
  })

  test('hands on method, path, query and host', async () => {
    const event = eventOf('/request', { rawQueryString: 'a=%2F', headers: { host: 'shop.test' }, body: 'x' }, 'POST')
    const { payload } = await invoke('starlingmonkey', event)
    expect(payload).toMatchObject({ body: expect.stringContaining('"url":"http://shop.test/request?a=%2F"') })
    expect(payload).toMatchObject({ body: expect.stringContaining('"method":"POST"') })
  })

  test.each(['echo2', 'echo3', 'c', 'quickjs', 'starlingmonkey'])(
    '%s gets bytes in base64, and gives them',
    async (name) => {
      const bytes = Buffer.from([0, 255, 128, 10]).toString('base64')
      const binary = eventOf('/echo', { body: bytes, isBase64Encoded: true }, 'POST')
      expect((await invoke(name, binary)).payload).toMatchObject({ body: bytes, isBase64Encoded: true })
      const text = eventOf('/echo', { body: 'gr\u00fc\u00dfe' }, 'POST')
      expect((await invoke(name, text)).payload).toMatchObject({ body: 'gr\u00fc\u00dfe', isBase64Encoded: false })
    },
  )

  test('has no body where HTTP has none', async () => {
    expect((await invoke('c', eventOf('/hello', {}, 'HEAD'))).payload).toMatchObject({ statusCode: 200, body: '' })
    expect((await invoke('second', eventOf(pathIn(second, 'no-body')))).payload).toMatchObject({
      statusCode: 200,
      body: '',
    })
  })

  test.each<[string, unknown, RegExp]>([
    ['no version', {}, /: version: /],
    ['format 1.0', { version: '1.0', httpMethod: 'GET' }, /: version: /],
    ['a queue\u2019s records', { Records: [] }, /: version: /],
    ['no method', { version: '2.0', requestContext: {} }, /: requestContext\.http: /],
    ['a method that is none', eventOf('/', {}, 'GE T'), /: requestContext\.http\.method: is no token/],
    ['a path with a line break', eventOf('/a\r\nb'), /: rawPath: is no percent-encoded path/],
    ['a header with a line break', eventOf('/', { headers: { 'x-a': 'b\r\nc' } }), /: headers\.x-a: has characters/],
    ['a list', [1], /: the event: /],
    ['null', null, /: the event: /],
  ])('%s is Runtime.InvalidEvent, which names what is wrong', async (_what, event, message) => {
    const { functionError, payload } = await invoke('echo2', event)
    expect(functionError).toBe('Unhandled')
    expect(payload).toMatchObject({
      errorType: 'Runtime.InvalidEvent',
      errorMessage: expect.stringMatching(message),
    })
    expect(payload).toMatchObject({ errorMessage: expect.stringContaining('payload format 2.0') })
  })

  test.each([
    ['second', 'unfinished', 'Runtime.InvalidResponse', /not whole/],
    ['second', 'trap-mid-body', 'Runtime.Trap', /unreachable/],
    ['second', 'set-err', 'Runtime.InvalidResponse', /internal-error: asked for/],
    ['trap3', undefined, 'Runtime.Trap', /unreachable/],
  ])('%s %s has no response, but %s', async (name, guest, errorType, message) => {
    const answer = await invoke(name, eventOf(guest === undefined ? '/' : pathIn(second, guest)))
    expect(answer).toMatchObject({ functionError: 'Unhandled', payload: { errorType } })
    expect(answer.payload).toMatchObject({ errorMessage: expect.stringMatching(message) })
    expect(answer.log).toContain(errorType)
  })

  test.each<[string, unknown]>([
    ['body', eventOf('/big', { rawQueryString: 'bytes=100001' })],
    // 106,668 characters of base64.
    ['JSON', eventOf('/echo', { body: Buffer.alloc(80_000, 255).toString('base64'), isBase64Encoded: true }, 'POST')],
  ])('a response whose %s is over the limit is Function.ResponseSizeTooLarge', async (_what, event) => {
    expect((await invoke('c', event)).payload).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' })
  })
})

describe('InvokeWithResponseStream of a component', () => {
  test('gives head and body as functions stream them', async () => {
    const { chunks, errorCode, log } = await stream('starlingmonkey', eventOf('/headers'))
    expect(errorCode).toBeUndefined()
    expect(prelude(Buffer.concat(chunks)).head).toMatchObject({
      statusCode: 200,
      headers: { 'x-one': '1' },
      cookies: ['a=1', 'b=2'],
    })
    expect(log).toContain('REPORT RequestId')
  })

  test('has no limit but that of who reads it, and arrives in pieces', async () => {
    const { chunks, errorCode } = await stream('c', eventOf('/big', { rawQueryString: 'bytes=300000' }))
    expect(errorCode).toBeUndefined()
    expect(chunks.length).toBeGreaterThan(2)
    expect(prelude(Buffer.concat(chunks)).body.length).toBe(300_000)
  })

  test.each([
    ['second', 'unfinished', 'Runtime.InvalidResponse'],
    ['second', 'trap-mid-body', 'Runtime.Trap'],
    ['trap3', undefined, 'Runtime.Trap'],
  ])('%s %s ends in an error, and does not look whole', async (name, guest, errorType) => {
    const path = guest === undefined ? '/' : pathIn(second, guest)
    const { chunks, errorCode, errorDetails } = await stream(name, eventOf(path))
    expect(prelude(Buffer.concat(chunks)).body.toString()).toBe('half')
    expect({ errorCode, errorDetails }).toEqual({
      errorCode: 'Unhandled',
      errorDetails: expect.stringContaining(errorType),
    })
  })

  test('without a response there is no payload', async () => {
    const { chunks, errorDetails } = await stream('second', eventOf(pathIn(second, 'set-err')))
    expect(chunks).toEqual([])
    expect(errorDetails).toContain('internal-error: asked for')
    expect((await stream('c', {})).errorDetails).toContain('Runtime.InvalidEvent')
  })
})

describe('a function that streams its payload', () => {
  test('InvokeWithResponseStream tells its type and passes on each write', async () => {
    const { chunks, errorCode } = await stream('plain', { n: 1 })
    expect(errorCode).toBeUndefined()
    expect(chunks.map(String)).toEqual(['data: ', '{"n":1}'])
  })

  test.each([
    ['plain', 'text/event-stream'],
    ['headed', integration],
    ['c', integration],
  ])('the type of what %s streams is told in a header', async (name, type) => {
    const url = `${http.server.thaw.url}/2021-11-15/functions/${name}/response-streaming-invocations`
    const { headers, body } = await fetch(url, { method: 'POST', body: JSON.stringify(eventOf('/hello')) })
    expect(headers.get('x-amzn-lambda-content-type')).toBe(type)
    await body?.cancel()
  })

  test('a URL that streams has its type and no head but 200', async () => {
    const { status, headers, body } = await of('plain').send('/', { method: 'POST', body: 'x' })
    expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'text/event-stream' })
    expect(body).toMatch(/^data: \{"version":"2.0"/)
  })

  test('a payload that begins with a head is the response', async () => {
    const { status, headers, body } = await of('headed').send('/')
    expect(status).toBe(201)
    expect(headers).toMatchObject({ 'x-made': 'yes', 'set-cookie': ['a=1', 'b=2'] })
    expect(body).toMatch(/^made \{"version"/)
  })

  test('Invoke collects it, up to the limit', async () => {
    // JSON or not, it is what the function wrote.
    const url = `${http.server.thaw.url}/2015-03-31/functions/plain/invocations`
    const invoked = await fetch(url, { method: 'POST', body: '{"n":1}' })
    expect(await invoked.text()).toBe('data: {"n":1}')
    const tooLarge = await http.server.invoke('plain', 'x'.repeat(100_000))
    expect(tooLarge).toMatchObject({
      functionError: 'Unhandled',
      payload: { errorType: 'Function.ResponseSizeTooLarge' },
    })
  })

  test('without all of a head there is no response: 502, and the log says why', async () => {
    expect(await of('headless').send('/')).toMatchObject({ status: 502, body: 'Internal Server Error' })
    await of('headless').logged(/Runtime\.InvalidResponse.*eight zero bytes/)
  })

  test('a failure after the head cuts the response, and is told by InvokeWithResponseStream', async () => {
    await expect(of('streams-and-traps').send('/')).rejects.toMatchObject({ code: 'ECONNRESET' })
    const { body, errorCode, errorDetails } = await stream('streams-and-traps', 1)
    expect(body).toMatch(/half1$/)
    expect({ errorCode, errorDetails }).toEqual({
      errorCode: 'Unhandled',
      errorDetails: expect.stringContaining('Runtime.Trap'),
    })
  })

  test('a URL that does not stream has it as the payload', async () => {
    const FunctionName = 'plain'
    await http.server.client.send(new UpdateFunctionUrlConfigCommand({ FunctionName, InvokeMode: 'BUFFERED' }))
    const { status, body } = await of('plain').send('/')
    expect({ status, body }).toEqual({ status: 200, body: expect.stringMatching(/^data: \{"version":"2.0"/) })
  })
})
