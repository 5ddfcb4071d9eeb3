/** The AssemblyScript SDK in this process: handler styles, HTTP, log, environment, context, errors. */
import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { compileFunction, type Guest, type StartOptions } from '../../guest-sdk/assemblyscript/testing/load.ts'

const index = `
  import { base64, Context, env, fail, Json, log, Request, Response } from "thaw"

  export function event(event: Json, context: Context): Json {
    const act = event.get("act").stringOr("")
    if (act == "fail") return fail<Json>("Order.Invalid", "no items: " + event.get("items").toString())
    if (act == "expect") return Json.from(event.get("name").asString())
    if (act == "log") {
      log.debug("d")
      log.info("i ü")
      log.warn("w")
      log.error("e")
    }
    return Json.object()
      .set("colour", env.get("COLOUR")).set("none", env.get("NONE")).set("size", env.getOr("SIZE", "m"))
      .set("requestId", context.awsRequestId).set("name", context.functionName).set("version", context.functionVersion)
      .set("arn", context.invokedFunctionArn).set("memory", context.memoryLimitInMB).set("group", context.logGroupName)
      .set("stream", context.logStreamName).set("client", context.clientContext).set("tenant", context.tenantId)
      .set("trace", context.traceId).set("left", context.getRemainingTimeInMillis())
  }

  export function http(request: Request): Response {
    if (request.path == "/bytes") return Response.bytes(request.bytes(), "image/png")
    if (request.path == "/away") return Response.redirect("/there")
    const json = request.json()
    const response = Response.json(Json.object()
      .set("method", request.method).set("url", request.url).set("text", request.text())
      .set("q", request.query("q")).set("r", request.query("r")).set("cookie", request.cookie("b"))
      .set("header", request.headers.get("X-Any")).set("json", json === null ? "none" : "some")
      .set("stage", request.event.get("requestContext").get("stage")), 201)
    return response.with("Set-Cookie", "a=1; Path=/").with("set-cookie", "b=2").with("X-Two", "1").with("x-two", "2")
  }

  export function encode(text: string): string { return base64.encode(Uint8Array.wrap(String.UTF8.encode(text))) }
  export function decode(text: string): string {
    const bytes = base64.decode(text)
    return bytes === null ? "invalid" : String.UTF8.decode(bytes.buffer)
  }
`

const compiled = new Map<string, (options?: StartOptions) => Promise<Guest>>()
beforeAll(async () => {
  for (const name of ['event', 'http']) {
    const { start } = await compileFunction({ files: { 'index.ts': index }, handler: `index.${name}` })
    compiled.set(name, start)
  }
})

async function guestOf(name: 'event' | 'http', options: StartOptions = {}): Promise<Guest> {
  const start = compiled.get(name)
  if (start === undefined) throw new Error(`not compiled: ${name}`)
  return start(options)
}

test('a handler of Json answers, with its context and its environment', async () => {
  const guest = await guestOf('event', { environment: { COLOUR: 'blü', OTHER: '' }, now: () => 1_700_000_000_000 })
  const context = {
    awsRequestId: 'r-1',
    functionName: 'paint',
    memoryLimitInMB: 256,
    tenantId: 't',
    clientContext: '{}',
  }
  expect(guest.invoke({}, context)).toEqual({
    value: {
      colour: 'blü',
      none: null,
      size: 'm',
      requestId: 'r-1',
      name: 'paint',
      version: '$LATEST',
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:paint',
      memory: 256,
      group: '/aws/lambda/paint',
      stream: 'test',
      client: '{}',
      tenant: 't',
      trace: null,
      left: 3_000,
    },
    failure: undefined,
    log: '',
  })
})

test('no event at all is an empty object', async () => {
  expect((await guestOf('event')).invoke(undefined)).toMatchObject({ value: { size: 'm' }, failure: undefined })
})

test('log lines are as Lambda writes them', async () => {
  const { log } = (await guestOf('event', { now: () => 1_700_000_000_123 })).invoke(
    { act: 'log' },
    { awsRequestId: 'r-1' },
  )
  const line = (level: string, text: string) => `2023-11-14T22:13:20.123Z\tr-1\t${level}\t${text}\n`
  expect(log).toBe(line('DEBUG', 'd') + line('INFO', 'i ü') + line('WARN', 'w') + line('ERROR', 'e'))
})

test('fail is a function error; a value of another type ends the invocation and the log says why', async () => {
  const failed = (await guestOf('event')).invoke({ act: 'fail', items: [] })
  expect(failed.failure).toEqual({ errorType: 'Order.Invalid', errorMessage: 'no items: []' })
  const trapped = (await guestOf('event')).invoke({ act: 'expect', name: 1 })
  expect(trapped.failure).toMatchObject({ errorType: 'Runtime.Trap' })
  expect(trapped.log).toContain('\tERROR\tJSON: expected a string, found a number (')
})

/** As API Gateway and function URLs send it. */
const httpEvent = (more: Record<string, unknown> = {}) => ({
  version: '2.0',
  rawPath: '/a%20b',
  rawQueryString: 'p=0&q=%C3%BC+x%&q=2&r',
  cookies: ['a=1', 'b=2=3'],
  headers: { host: 'example.com', 'x-any': 'any' },
  requestContext: { http: { method: 'PUT', path: '/a b' }, stage: '$default' },
  body: '{}',
  isBase64Encoded: false,
  ...more,
})

test('a handler of Request answers an HTTP event', async () => {
  const answer = (await guestOf('http')).invoke(httpEvent())
  expect(answer.value).toEqual({
    statusCode: 201,
    headers: { 'content-type': 'application/json', 'x-two': '1, 2' },
    cookies: ['a=1; Path=/', 'b=2'],
    body: expect.any(String),
    isBase64Encoded: false,
  })
  const { body } = Object(answer.value)
  expect(JSON.parse(body)).toEqual({
    method: 'PUT',
    url: 'https://example.com/a%20b?p=0&q=%C3%BC+x%&q=2&r',
    text: '{}',
    q: 'ü x%',
    r: '',
    cookie: '2=3',
    header: 'any',
    json: 'some',
    stage: '$default',
  })
})

test('bodies of bytes come and go in base64', async () => {
  const body = Buffer.from([0, 255, 1, 128]).toString('base64')
  const guest = await guestOf('http')
  expect(guest.invoke(httpEvent({ rawPath: '/bytes', body, isBase64Encoded: true })).value).toEqual({
    statusCode: 200,
    headers: { 'content-type': 'image/png' },
    body,
    isBase64Encoded: true,
  })
})

test('a redirect has its place; a body that is not there is empty', async () => {
  const guest = await guestOf('http')
  expect(guest.invoke(httpEvent({ rawPath: '/away' })).value).toMatchObject({
    statusCode: 302,
    headers: { location: '/there' },
  })
  const { body, ...bare } = httpEvent({ cookies: undefined, headers: {}, rawQueryString: '' })
  expect(body).toBe('{}')
  const { body: answered } = Object((await guestOf('http')).invoke(bare).value)
  expect(JSON.parse(answered)).toMatchObject({ text: '', json: 'none', q: null, cookie: null, header: null })
})

test('an event that is no HTTP request is refused by its type', async () => {
  expect((await guestOf('http')).invoke({ Records: [] }).failure).toMatchObject({ errorType: 'Runtime.InvalidEvent' })
})

test('base64 is that of Node', async () => {
  const { exports } = await guestOf('event')
  const { encode, decode } = exports
  if (typeof encode !== 'function' || typeof decode !== 'function') throw new Error('no exports')
  const run = (function_: (text: number) => number, text: string) =>
    exports.__getString(function_(exports.__newString(text)))
  const toBase64 = (text: string) => run((at) => encode(at), text)
  const fromBase64 = (text: string) => run((at) => decode(at), text)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(toBase64(text)).toBe(Buffer.from(text).toString('base64'))
      expect(fromBase64(Buffer.from(text).toString('base64'))).toBe(text)
      expect(fromBase64(Buffer.from(text).toString('base64url'))).toBe(text)
    }),
  )
  for (const text of ['a', '*aaa', 'aaaa=b', '=====']) expect(fromBase64(text)).toBe('invalid')
})

test('the functions of docs/languages.md do what it says', async () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'languages.md'), 'utf8')
  const [event, http, site, client] = [...text.matchAll(/```ts\n(import \{[^}]+\} from "thaw"\n[\s\S]+?)```/g)].map(
    (match) => match[1] ?? '',
  )
  const compile = async (source = '', options: StartOptions = {}) =>
    (await compileFunction({ files: { 'index.ts': source } })).start(options)
  const greeter = await compile(event)
  expect(greeter.invoke({ name: 'you' })).toMatchObject({ value: { greeting: 'Hello, you' }, failure: undefined })
  expect((await compile(event)).invoke({})).toMatchObject({ failure: { errorType: 'Greeting.Invalid' } })
  const page = await compile(http)
  expect(page.invoke(httpEvent({ rawQueryString: 'name=you' }))).toMatchObject({
    value: { statusCode: 200, body: '{"hello":"you"}', headers: { 'cache-control': 'no-store' } },
  })
  expect(page.invoke(httpEvent({ rawQueryString: '' }))).toMatchObject({ value: { statusCode: 400 } })
  const { reply } = (await compile(site)).request({ method: 'POST', url: '/upper', body: 'Abc ü' })
  expect(reply).toMatchObject({ status: 200, body: Buffer.from('ABC ü') })
  const asking = await compile(client, { fetch: ({ url, body }) => ({ body: body.length > 0 ? body : `"${url}"` }) })
  expect(asking.invoke({ id: 1 })).toMatchObject({
    value: { order: { id: 1 }, stock: '"https://stock.example/"', prices: '"https://prices.example/"' },
  })
})
