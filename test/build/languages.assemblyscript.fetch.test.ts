/** `fetch` and `fetchAll` of the AssemblyScript SDK, in the runtime, against a server. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { buffer, text } from 'node:stream/consumers'
import { componentWit } from '@bytecodealliance/jco'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { assemblyscriptComponent } from '../support/build-cache.ts'
import { failureOf, payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'

/** Asks other servers, as an event says. */
const client = `
  import { fetch, fetchAll, Json, Request, Response } from "thaw"

  function described(response: Response): Json {
    const error = response.error
    if (error !== null) return Json.object().set("status", response.status).set("error", error.code).set("message", error.message)
    return Json.object().set("status", response.status).set("ok", response.ok)
      .set("type", response.headers.get("Content-Type")).set("byte", response.headers.get("x-byte"))
      .set("text", response.text())
  }

  function drained(response: Response): Json {
    let length = 0
    for (let piece = response.read(); piece !== null; piece = response.read()) length += piece.length
    const error = response.error
    return Json.object().set("length", length).set("pages", memory.size()).set("error", error === null ? "" : error.code)
  }

  export function handler(event: Json): Json {
    const url = event.get("url").stringOr("")
    const act = event.get("act").asString()
    if (act == "get") return described(fetch(url))
    if (act == "text") return Json.from(fetch(url).text())
    if (act == "json") return described(fetch(Request.json(url, event).with("x-any", "any").with("host", "other.example")))
    if (act == "method") return described(fetch(new Request(url, event.get("method").asString())))
    if (act == "header") return described(fetch(new Request(url).with(event.get("name").asString(), event.get("value").asString())))
    if (act == "timeout") {
      const request = new Request(url)
      request.timeoutMs = 50
      return described(fetch(request))
    }
    if (act == "all") {
      const requests = new Array<Request>()
      const urls = event.get("urls")
      for (let index = 0; index < urls.length; index++) requests.push(new Request(urls.at(index).asString()))
      const responses = fetchAll(requests)
      const answers = Json.array()
      for (let index = 0; index < responses.length; index++) answers.push(described(responses[index]))
      return answers
    }
    if (act == "read") return drained(fetch(url))
    if (act == "post" || act == "leave") {
      const response = fetch(Request.bytes(url, new Uint8Array(<i32>event.get("bytes").asInteger())))
      return act == "leave" ? Json.from(response.status) : drained(response)
    }
    if (act == "upload") {
      const upload = new Request(url, "PUT").stream()
      const piece = new Uint8Array(65536)
      for (let index = 0; index < 256; index++) upload.write(piece)
      upload.flush()
      upload.write("end")
      return described(upload.response()).set("pages", memory.size())
    }
    if (act == "pipe") {
      const request = new Request(event.get("to").asString(), "POST")
      request.body = fetch(url).body
      return described(fetch(request))
    }
    return Json.null()
  }
`

let runtime: TestRuntime
let server: Server
let port: number
/** What the server does with a request; told anew by each test. */
let onRequest: (incoming: IncomingMessage, outgoing: ServerResponse) => void
beforeAll(async () => {
  server = createServer((incoming, outgoing) => onRequest(incoming, outgoing))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
  runtime = await testRuntime()
})
beforeEach(() => {
  onRequest = (_, outgoing) => outgoing.writeHead(500).end()
})
afterAll(async () => {
  await runtime[Symbol.asyncDispose]()
  server.closeAllConnections()
  server.close()
})

const url = (path: string) => `http://localhost:${port}${path}`
const limits = { timeoutMs: 60_000, memoryMb: 128 }

async function ask(event: object, egress = [`localhost:${port}`]): Promise<unknown> {
  const spec = await runtime.deploy(await assemblyscriptComponent(client), { ...limits, egress })
  const answer = JSON.parse(payloadText(await runtime.invoke(spec, JSON.stringify(event))))
  expect(runtime.impurities).toEqual([])
  return answer
}

describe('fetch', () => {
  test('gets status, headers and text', async () => {
    onRequest = ({ url: path, headers }, outgoing) =>
      outgoing
        .writeHead(201, { 'content-type': 'text/x', 'x-byte': 'ü' })
        .end(`${path} ${headers['content-length'] ?? 'none'}`)
    expect(await ask({ act: 'get', url: url('/a b/ü?q=ü#hash') })).toEqual({
      status: 201,
      ok: true,
      type: 'text/x',
      byte: 'ü',
      text: '/a%20b/%C3%BC?q=%C3%BC none',
    })
  })

  test('sends method, headers and body', async () => {
    onRequest = async (incoming, outgoing) => {
      const { method, headers } = incoming
      outgoing.end(
        JSON.stringify([
          method,
          headers['content-type'],
          headers['content-length'],
          headers['x-any'],
          headers.host,
          await text(incoming),
        ]),
      )
    }
    const event = { act: 'json', url: url('/') }
    const body = JSON.stringify(event)
    expect(await ask(event)).toMatchObject({
      text: JSON.stringify(['POST', 'application/json', String(body.length), 'any', `localhost:${port}`, body]),
    })
    expect(await ask({ act: 'method', url: url('/'), method: 'PURGE' })).toMatchObject({
      text: expect.stringMatching(/^\["PURGE"/),
    })
  })

  test('fetchAll has all requests at the server before the first is answered, and keeps their order', async () => {
    const waiting: ServerResponse[] = []
    onRequest = ({ url: path }, outgoing) => {
      waiting.push(outgoing.setHeader('x-byte', path ?? ''))
      if (waiting.length === 3)
        for (const each of waiting.toReversed()) each.end(`answer ${String(each.getHeader('x-byte'))}`)
    }
    const urls = [url('/1'), 'http://127.0.0.1:1/denied', url('/2'), url('/3')]
    expect(await ask({ act: 'all', urls })).toMatchObject([
      { text: 'answer /1' },
      { error: 'HTTP-request-denied' },
      { text: 'answer /2' },
      { text: 'answer /3' },
    ])
  })

  test('fetchAll of nothing is nothing', async () => {
    expect(await ask({ act: 'all', urls: [] })).toEqual([])
  })

  test.each([
    ['what no rule names', { act: 'get', url: 'http://other.example/' }, 'HTTP-request-denied'],
    ['what is no URL', { act: 'get', url: '/path' }, 'HTTP-request-URI-invalid'],
    ['an authority that is none', { act: 'get', url: 'http://a b/' }, 'HTTP-request-URI-invalid'],
    ['a method that is none', { act: 'method', method: 'A B' }, 'HTTP-request-method-invalid'],
    ['a header that is none', { act: 'header', name: 'x', value: 'a\nb' }, 'HTTP-protocol-error'],
    ['a header of no bytes', { act: 'header', name: 'x', value: '€' }, 'HTTP-protocol-error'],
    ['a response that does not come in time', { act: 'timeout' }, 'connection-read-timeout'],
  ])('%s is an error', async (_, event, error) => {
    onRequest = () => undefined
    expect(await ask({ url: url('/'), ...event })).toMatchObject({
      status: 0,
      error,
      message: expect.stringContaining(error),
    })
  })

  test('a connection that is refused is an error', async () => {
    const closed = createServer()
    await once(closed.listen(0, '127.0.0.1'), 'listening')
    const address = closed.address()
    const refusing = `localhost:${typeof address === 'object' && address !== null ? address.port : 0}`
    await new Promise((resolve) => closed.close(resolve))
    expect(await ask({ act: 'get', url: `http://${refusing}/x` }, [refusing])).toEqual({
      status: 0,
      error: 'connection-refused',
      message: `GET http://${refusing}/x: connection-refused`,
    })
  })

  test('the text of a response that did not come ends the invocation', async () => {
    const spec = await runtime.deploy(await assemblyscriptComponent(client), limits)
    const result = await runtime.invoke(spec, JSON.stringify({ act: 'text', url: url('/') }))
    expect(failureOf(result)).toMatchObject({ errorType: 'Runtime.Trap' })
    expect(result.log).toContain(': HTTP-request-denied (')
  })

  test('a response that breaks off has an error', async () => {
    onRequest = (_, outgoing) => {
      outgoing.writeHead(200, { 'content-length': '10' }).write('half', () => outgoing.destroy())
    }
    expect(await ask({ act: 'read', url: url('/') })).toMatchObject({ length: 4, error: 'HTTP-response-incomplete' })
  })

  test('a response of 16 MiB is read in constant memory', async () => {
    onRequest = (_, outgoing) => outgoing.end(Buffer.alloc(16 << 20))
    expect(await ask({ act: 'read', url: url('/') })).toEqual({ length: 16 << 20, pages: 64, error: '' })
  })

  test('an upload of 16 MiB is written in constant memory', async () => {
    onRequest = async (incoming, outgoing) => {
      const body = await buffer(incoming)
      outgoing.end(`${incoming.method} ${body.length} ${body.toString('utf8', body.length - 3)}`)
    }
    expect(await ask({ act: 'upload', url: url('/') })).toMatchObject({ text: `PUT ${(16 << 20) + 3} end`, pages: 64 })
  })

  test('a body that comes back while it is sent does not block', async () => {
    onRequest = (incoming, outgoing) => incoming.pipe(outgoing)
    const bytes = 32 << 20
    expect(await ask({ act: 'post', url: url('/'), bytes })).toMatchObject({ length: bytes, error: '' })
  })

  test('a body is sent whole, though its response is left unread', async () => {
    let received = 0
    const whole = Promise.withResolvers<void>()
    onRequest = (incoming, outgoing) => {
      outgoing.writeHead(202)
      incoming.on('data', (piece: Buffer) => {
        received += piece.length
        outgoing.write(piece)
      })
      incoming.on('end', () => {
        outgoing.end()
        whole.resolve()
      })
    }
    expect(await ask({ act: 'leave', url: url('/'), bytes: 32 << 20 })).toBe(202)
    await whole.promise
    expect(received).toBe(32 << 20)
  })

  test('the body of a response is that of another request', async () => {
    onRequest = async (incoming, outgoing) => {
      if (incoming.method === 'GET') outgoing.end(Buffer.alloc(1 << 20, 'x'))
      else outgoing.end(String((await buffer(incoming)).length))
    }
    expect(await ask({ act: 'pipe', url: url('/from'), to: url('/to') })).toMatchObject({ text: String(1 << 20) })
  })
})

test('a function of events that fetches nothing imports nothing of wasi:http', async () => {
  const source = `
    import { Request, Response } from "thaw"
    export function handler(request: Request): Response { return Response.text(request.text()).with("x", request.url) }`
  const wit = await componentWit(await assemblyscriptComponent(source))
  expect(wit).not.toMatch(/wasi:http|wasi:io\/poll/)
  expect(wit).toContain('export thaw:function/handler@0.1.0;')
})

test('a function of events that fetches imports wasi:http', async () => {
  expect(await componentWit(await assemblyscriptComponent(client))).toMatch(
    /import wasi:http\/outgoing-handler@0\.2\.0;/,
  )
})
