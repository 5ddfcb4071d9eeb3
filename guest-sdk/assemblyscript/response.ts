/** An HTTP response: the function's own, or what `fetch` got. */
import { base64 } from "./base64"
import { Body, BytesBody, TextBody } from "./body"
import { Headers } from "./headers"
import { HttpError } from "./http-error"
import { Json } from "./json"
import { ResponseStream } from "./response-stream"

@final
export class Response {
  readonly headers: Headers = new Headers()
  /** Can be that of another request or response, which then is passed on as it comes. */
  body: Body

  /** With a body of text; `text`, `json`, `bytes` and `redirect` set a content type too. */
  constructor(
    body: string = "",
    public status: i32 = 200,
  ) {
    this.body = new TextBody(body)
  }

  static text(body: string, status: i32 = 200): Response {
    return typed(new Response(body, status), "text/plain;charset=UTF-8")
  }

  static html(body: string, status: i32 = 200): Response {
    return typed(new Response(body, status), "text/html;charset=UTF-8")
  }

  static json(body: Json, status: i32 = 200): Response {
    return typed(new Response(body.toString(), status), "application/json")
  }

  static bytes(body: Uint8Array, contentType: string = "application/octet-stream", status: i32 = 200): Response {
    const response = new Response("", status)
    response.body = new BytesBody(body)
    return typed(response, contentType)
  }

  static redirect(url: string, status: i32 = 302): Response {
    const response = new Response("", status)
    response.headers.set("location", url)
    return response
  }

  /** @internal What `fetch` gives if there is no response. */
  static failed(error: HttpError): Response {
    const response = new Response("", 0)
    response.body.error = error
    return response
  }

  /** Sets a header. Gives the response back, to go on. */
  with(name: string, value: string): Response {
    this.headers.append(name, value)
    return this
  }

  /** Of `fetch`: why there is no response (`status` is 0), or why its body broke off. */
  get error(): HttpError | null {
    return this.body.error
  }

  /** A status of 200 to 299. */
  get ok(): bool {
    return this.status >= 200 && this.status < 300
  }

  /** The body. If there is no response, or its body breaks off, the invocation ends; so it does by `bytes` and `json`. */
  text(): string {
    const text = this.body.text()
    this.expectWhole()
    return text
  }

  bytes(): Uint8Array {
    const bytes = this.body.bytes()
    this.expectWhole()
    return bytes
  }

  /** Null if the body is not JSON. */
  json(): Json | null {
    return Json.tryParse(this.text())
  }

  /** The next piece of the body; null at its end, or where it breaks off: then there is an `error`. Overwritten by the next. */
  read(): Uint8Array | null {
    return this.body.read()
  }

  /** Of `fetch`: nothing more is wanted of it. */
  cancel(): void {
    this.body.cancel()
  }

  /** Where the function has `fetch`: sends status and headers now, and the body as it is written. */
  stream(): ResponseStream {
    return new ResponseStream(this)
  }

  /** What the handler answers to the host. */
  toEvent(): Json {
    this.expectWhole()
    const headers = Json.object()
    const names = this.headers.names
    for (let index = 0; index < names.length; index++) headers.set(names[index], this.headers.get(names[index]))
    const event = Json.object().set("statusCode", this.status).set("headers", headers)
    if (this.headers.setCookies.length > 0) event.set("cookies", this.headers.setCookies)
    if (this.body.isText()) return event.set("body", this.text()).set("isBase64Encoded", false)
    return event.set("body", base64.encode(this.bytes())).set("isBase64Encoded", true)
  }

  /** @internal */
  expectWhole(): void {
    const error = this.error
    if (error !== null) throw new Error(error.message)
  }
}

function typed(response: Response, contentType: string): Response {
  response.headers.set("content-type", contentType)
  return response
}
