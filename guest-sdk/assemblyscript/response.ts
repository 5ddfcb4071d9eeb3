/** An HTTP response, as payload format 2.0 takes it. */
import { base64 } from "./base64"
import { Headers } from "./headers"
import { Json } from "./json"

@final
export class Response {
  readonly headers: Headers = new Headers()
  private binary: Uint8Array | null = null

  /** With a body of text; `text`, `json`, `bytes` and `redirect` set a content type too. */
  constructor(
    private body: string = "",
    public status: i32 = 200,
  ) {}

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
    response.binary = body
    return typed(response, contentType)
  }

  static redirect(url: string, status: i32 = 302): Response {
    const response = new Response("", status)
    response.headers.set("location", url)
    return response
  }

  /** Sets a header. Gives the response back, to go on. */
  with(name: string, value: string): Response {
    this.headers.append(name, value)
    return this
  }

  /** What the handler answers to the host. */
  toEvent(): Json {
    const headers = Json.object()
    const names = this.headers.names
    for (let index = 0; index < names.length; index++) headers.set(names[index], this.headers.get(names[index]))
    const event = Json.object().set("statusCode", this.status).set("headers", headers)
    if (this.headers.setCookies.length > 0) event.set("cookies", this.headers.setCookies)
    const binary = this.binary
    if (binary === null) return event.set("body", this.body).set("isBase64Encoded", false)
    return event.set("body", base64.encode(binary)).set("isBase64Encoded", true)
  }
}

function typed(response: Response, contentType: string): Response {
  response.headers.set("content-type", contentType)
  return response
}
