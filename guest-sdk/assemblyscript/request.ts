/** An HTTP request, from an event of API Gateway's payload format 2.0: that of HTTP APIs and function URLs. */
import { base64 } from "./base64"
import { formDecode } from "./form"
import { Headers } from "./headers"
import { Json } from "./json"

@final
export class Request {
  readonly headers: Headers = new Headers()

  private constructor(
    readonly method: string,
    /** As sent, still percent-encoded: `/orders/a%20b`. */
    readonly path: string,
    /** As sent, without the question mark. */
    readonly queryString: string,
    /** The whole event: stage variables, authorizer and all else that has no place in a request. */
    readonly event: Json,
  ) {}

  /** Null if the event is no HTTP request of format 2.0. */
  static from(event: Json): Request | null {
    const http = event.get("requestContext").get("http")
    if (!http.get("method").isString) return null
    const path = event.get("rawPath").stringOr(http.get("path").stringOr("/"))
    const request = new Request(http.get("method").asString(), path, event.get("rawQueryString").stringOr(""), event)
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

  /** Absolute, by the Host header: `https://example.com/path?query`. */
  get url(): string {
    const host = this.headers.get("host")
    const domain = host === null ? this.event.get("requestContext").get("domainName").stringOr("localhost") : host
    const scheme = this.headers.get("x-forwarded-proto")
    const query = this.queryString == "" ? "" : "?" + this.queryString
    return (scheme === null ? "https" : scheme) + "://" + domain + this.path + query
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

  /** Empty if there is no body. */
  text(): string {
    if (!this.isBase64) return this.event.get("body").stringOr("")
    const bytes = this.bytes()
    return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.byteLength)
  }

  bytes(): Uint8Array {
    const body = this.event.get("body").stringOr("")
    if (!this.isBase64) return Uint8Array.wrap(String.UTF8.encode(body))
    const bytes = base64.decode(body)
    return bytes === null ? new Uint8Array(0) : bytes
  }

  /** Null if the body is not JSON. */
  json(): Json | null {
    return Json.tryParse(this.text())
  }

  private get isBase64(): bool {
    return this.event.get("isBase64Encoded").booleanOr(false)
  }
}
