/**
 * An HTTP request: of the event under way (API Gateway's payload format 2.0), of the caller that a function with `fetch`
 * answers, or one to be sent.
 */
import { Base64Body, Body, BytesBody, TextBody } from "./body"
import { formDecode } from "./form"
import { Headers } from "./headers"
import { HttpError } from "./http-error"
import { Json, JsonKind } from "./json"
import { RequestStream } from "./request-stream"

@final
export class Request {
  readonly headers: Headers = new Headers()
  /** As sent, still percent-encoded: `/orders/a%20b`. */
  path: string = "/"
  /** As sent, without the question mark. */
  queryString: string = ""
  /** `https://example.com:8443`; empty in an event. */
  origin: string = ""
  /** Can be that of another request or response, which then is passed on as it comes. */
  body: Body
  /** The whole event: stage variables, authorizer and all else that has no place in a request. Missing where there is none. */
  event: Json = new Json(JsonKind.Missing)
  /** Of a request to be sent: to connect, to wait for the response, and between its pieces. 0: the platform's own. */
  timeoutMs: i32 = 0

  /** To be sent: `url` is absolute. With a body of text; `json` and `bytes` set a content type too. */
  constructor(
    url: string,
    readonly method: string = "GET",
    body: string = "",
  ) {
    const scheme = url.indexOf("://")
    if (scheme >= 0) {
      let end = scheme + 3
      while (end < url.length && !isDelimiter(url.charCodeAt(end))) end++
      const hash = url.indexOf("#", end)
      this.origin = url.substring(0, end)
      this.target = url.substring(end, hash < 0 ? url.length : hash)
    }
    this.body = new TextBody(body)
  }

  /** @internal Path and query as they are on a request's first line. */
  set target(text: string) {
    const query = text.indexOf("?")
    const path = query < 0 ? text : text.substring(0, query)
    this.path = path == "" ? "/" : path
    this.queryString = query < 0 ? "" : text.substring(query + 1)
  }
  get target(): string {
    return this.queryString == "" ? this.path : this.path + "?" + this.queryString
  }

  static json(url: string, body: Json, method: string = "POST"): Request {
    return new Request(url, method, body.toString()).with("content-type", "application/json")
  }

  static bytes(
    url: string,
    body: Uint8Array,
    contentType: string = "application/octet-stream",
    method: string = "POST",
  ): Request {
    const request = new Request(url, method)
    request.body = new BytesBody(body)
    return request.with("content-type", contentType)
  }

  /** Null if the event is no HTTP request of format 2.0. */
  static from(event: Json): Request | null {
    const http = event.get("requestContext").get("http")
    if (!http.get("method").isString) return null
    const request = new Request("", http.get("method").asString())
    request.path = event.get("rawPath").stringOr(http.get("path").stringOr("/"))
    request.queryString = event.get("rawQueryString").stringOr("")
    request.event = event
    const body = event.get("body").stringOr("")
    request.body = event.get("isBase64Encoded").booleanOr(false) ? new Base64Body(body) : new TextBody(body)
    const headers = event.get("headers")
    const names = headers.keys
    for (let index = 0; index < names.length; index++) {
      request.headers.set(names[index], headers.get(names[index]).stringOr(""))
    }
    const cookies = event.get("cookies")
    const pairs = new Array<string>()
    for (let index = 0; index < cookies.length; index++) pairs.push(cookies.at(index).stringOr(""))
    if (pairs.length > 0) request.headers.set("cookie", pairs.join("; "))
    return request
  }

  /** Adds a header. Gives the request back, to go on. */
  with(name: string, value: string): Request {
    this.headers.append(name, value)
    return this
  }

  /** Absolute: `https://example.com/path?query`. That of an event is by its Host header. */
  get url(): string {
    return (this.origin == "" ? this.originOfEvent() : this.origin) + this.target
  }

  /** The first parameter of that name in the query string, decoded; null if there is none. */
  query(name: string): string | null {
    const pairs = this.queryString.split("&")
    for (let index = 0; index < pairs.length; index++) {
      const pair = pairs[index]
      const equals = pair.indexOf("=")
      const key = equals < 0 ? pair : pair.substring(0, equals)
      if (pair != "" && formDecode(key) == name) return equals < 0 ? "" : formDecode(pair.substring(equals + 1))
    }
    return null
  }

  /** A cookie's value as it was sent; null if there is none. */
  cookie(name: string): string | null {
    const header = this.headers.get("cookie")
    if (header === null) return null
    const pairs = header.split(";")
    for (let index = 0; index < pairs.length; index++) {
      const equals = pairs[index].indexOf("=")
      if (equals >= 0 && pairs[index].substring(0, equals).trim() == name) return pairs[index].substring(equals + 1).trim()
    }
    return null
  }

  /** Empty if there is no body. One that breaks off ends the invocation; so do `bytes` and `json`. */
  text(): string {
    return this.body.text()
  }

  bytes(): Uint8Array {
    return this.body.bytes()
  }

  /** Null if the body is not JSON. */
  json(): Json | null {
    return Json.tryParse(this.text())
  }

  /** The next piece of the body; null at its end, or where it breaks off: then there is an `error`. Overwritten by the next. */
  read(): Uint8Array | null {
    return this.body.read()
  }

  /** Why the body broke off. */
  get error(): HttpError | null {
    return this.body.error
  }

  /** Sends it, with a body that is written piece by piece. */
  stream(): RequestStream {
    return new RequestStream(this)
  }

  private originOfEvent(): string {
    const host = this.headers.get("host")
    const domain = host === null ? this.event.get("requestContext").get("domainName").stringOr("localhost") : host
    const scheme = this.headers.get("x-forwarded-proto")
    return (scheme === null ? "https" : scheme) + "://" + domain
  }
}

/** Ends a URL's authority. */
function isDelimiter(code: i32): bool {
  return code == 0x2f || code == 0x3f || code == 0x23
}
