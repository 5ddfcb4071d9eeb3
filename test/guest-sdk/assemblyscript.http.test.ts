/** Unit tests of functions that speak HTTP: other servers are the test's own words, and so is the request. */
import { beforeAll, describe, expect, test } from 'vitest'
import { compileFunction, type Guest, type StartOptions } from '../../guest-sdk/assemblyscript/testing/load.ts'

const event = `
  import { fetch, fetchAll, Json, Request } from "thaw"

  export function handler(event: Json): Json {
    const response = fetch(Request.json("https://api.example/orders?dry", event, "PUT").with("x-key", "k"))
    const error = response.error
    if (error !== null) return Json.object().set("error", error.code).set("message", error.message)
    const json = response.json()
    if (json === null) return Json.from("no JSON")
    const more = fetchAll<string>(["http://one.example", "http://two.example:8080/x"])
    const stream = new Request("https://api.example/log", "POST").stream()
    stream.write("a line\\n")
    stream.flush()
    return Json.object().set("status", response.status).set("type", response.headers.get("content-type"))
      .set("id", json.get("id")).set("more", more[0].text() + more[1].text()).set("logged", stream.response().ok)
  }
`

const http = `
  import { Json, Request, Response } from "thaw"

  export function fetch(request: Request): Response {
    if (request.method == "BREW") throw new Error("no tea")
    if (request.method == "POST") {
      const stream = new Response("", 201).with("x-path", request.path).stream()
      for (let piece = request.read(); piece !== null; piece = request.read()) stream.write(piece)
      stream.write("!")
      return stream.end()
    }
    return Response.json(Json.object().set("url", request.url).set("any", request.headers.get("x-any"))).with("set-cookie", "a=1").with("set-cookie", "b=2")
  }
`

const compiled = new Map<string, (options?: StartOptions) => Promise<Guest>>()
beforeAll(async () => {
  for (const [name, source] of Object.entries({ event, http })) {
    const { start } = await compileFunction({ files: { 'index.ts': source } })
    compiled.set(name, start)
  }
})

async function guestOf(name: 'event' | 'http', options: StartOptions = {}): Promise<Guest> {
  const start = compiled.get(name)
  if (start === undefined) throw new Error(`not compiled: ${name}`)
  return start(options)
}

describe('fetch', () => {
  test('is answered by the test, which sees what was sent', async () => {
    const sent: string[] = []
    const guest = await guestOf('event', {
      fetch({ method, url, headers, body }) {
        sent.push(`${method} ${url} ${headers['x-key'] ?? '-'} ${headers['content-type'] ?? '-'} ${body.toString()}`)
        if (method === 'GET') return { body: new URL(url).host }
        return { status: 202, headers: { 'Content-Type': 'application/json' }, body: '{"id":7}' }
      },
    })
    expect(guest.invoke({ n: 1 }).value).toEqual({
      status: 202,
      type: 'application/json',
      id: 7,
      more: 'one.exampletwo.example:8080',
      logged: true,
    })
    expect(sent).toEqual([
      'PUT https://api.example/orders?dry k application/json {"n":1}',
      'GET http://one.example/ - - ',
      'GET http://two.example:8080/x - - ',
      'POST https://api.example/log - - a line\n',
    ])
  })

  test.each(['connection-refused', 'DNS-error', 'internal-error'] as const)('may fail: %s', async (error) => {
    const guest = await guestOf('event', { fetch: () => ({ error }) })
    expect(guest.invoke({}).value).toEqual({ error, message: `PUT https://api.example/orders: ${error}` })
  })

  test('reaches nothing unless the test answers', async () => {
    expect((await guestOf('event')).invoke({}).value).toMatchObject({ error: 'HTTP-request-denied' })
  })
})

describe('a function that exports fetch', () => {
  test('answers a request of the test', async () => {
    const guest = await guestOf('http')
    const { reply, failure } = guest.request({ url: 'http://example.com/a?b=c', headers: { 'X-Any': 'any' } })
    expect(failure).toBeUndefined()
    expect(reply).toMatchObject({
      status: 200,
      headers: { 'set-cookie': 'a=1, b=2', 'content-type': 'application/json' },
    })
    expect(JSON.parse(String(reply?.body))).toEqual({ url: 'http://example.com/a?b=c', any: 'any' })
    expect(guest.request().reply?.body.toString()).toContain('https://localhost/')
  })

  test('streams', async () => {
    const body = 'x'.repeat(200_000)
    const { reply } = (await guestOf('http')).request({ method: 'POST', url: '/up', body })
    expect(reply).toMatchObject({ status: 201, headers: { 'x-path': '/up' } })
    expect(reply?.body.toString()).toBe(`${body}!`)
  })

  test('ends by throw as elsewhere', async () => {
    const { reply, failure, log } = (await guestOf('http')).request({ method: 'BREW' })
    expect([reply, failure?.errorType]).toEqual([undefined, 'Runtime.Trap'])
    expect(log).toContain('\tERROR\tno tea (index.ts:5:')
  })

  test('takes no events, and one of events no requests', async () => {
    const [site, function_] = [await guestOf('http'), await guestOf('event')]
    expect(() => site.invoke({})).toThrow('The function takes requests')
    expect(() => function_.request()).toThrow('The function takes events')
  })
})
