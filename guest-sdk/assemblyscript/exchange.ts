/** A request to another server, and the wait for its response. */
import { fieldsOf, headersOf, refused } from "./fields"
import { errorAt, HttpError } from "./http-error"
import {
  dropFuture,
  dropRequest,
  getResponse,
  newOptions,
  newRequest,
  requestBody,
  responseHeaders,
  responseStatus,
  send,
  setAuthority,
  setBetweenBytesTimeout,
  setConnectTimeout,
  setFirstByteTimeout,
  setMethod,
  setPath,
  setScheme,
  subscribeResponse,
} from "./http-imports"
import { IncomingBody } from "./incoming-body"
import { finishLater } from "./lingering"
import { methodCase } from "./methods"
import { OutgoingBody } from "./outgoing-body"
import { waitForAny, watch } from "./poller"
import { Request } from "./request"
import { Response } from "./response"

/** Room for option<result<result<incoming-response, error-code>>>. */
const result: usize = memory.data(64, 8)

@final
export class Exchange {
  /** Null if the request has no body, or was refused. */
  upload: OutgoingBody | null = null
  response: Response | null = null
  private future: i32 = 0
  /** What the errors are about. Without the query, which may hold a secret. */
  private about: string

  /** Starts it. Without `streams` the body is the request's own, and is sent by `advance`. */
  constructor(
    private request: Request,
    streams: bool,
  ) {
    this.about = request.method + " " + request.origin + request.path
    const handle = this.requestOf(streams || hasBody(request))
    if (handle >= 0) this.send(handle, streams)
  }

  /** Waits for the response. */
  settle(): Response {
    while (true) {
      this.advance()
      const response = this.response
      if (response !== null) return response
      this.watch()
      waitForAny()
    }
  }

  advance(): void {
    if (this.response !== null) return
    const upload = this.upload
    if (upload !== null) upload.advance()
    getResponse(this.future, result)
    if (load<u8>(result) == 0) return
    dropFuture(this.future)
    if (load<u8>(result, 16) != 0) return this.fail(errorAt(result + 24, this.about))
    const handle = load<i32>(result, 24)
    const response = new Response("", responseStatus(handle))
    headersOf(responseHeaders(handle), response.headers)
    const body = new IncomingBody(handle, true, this.about, upload)
    response.body = body
    this.response = response
    if (upload !== null && !upload.isOver) finishLater(body)
  }

  watch(): void {
    if (this.response !== null) return
    const upload = this.upload
    if (upload !== null) upload.watch()
    watch(subscribeResponse(this.future))
  }

  private send(handle: i32, streams: bool): void {
    const timeoutMs = this.request.timeoutMs
    send(handle, timeoutMs > 0 ? 1 : 0, timeoutMs > 0 ? optionsOf(timeoutMs) : 0, result)
    if (load<u8>(result) != 0) return this.fail(errorAt(result + 8, this.about))
    this.future = load<i32>(result, 8)
    const upload = this.upload
    if (upload !== null && !streams) upload.begin(this.request.body)
  }

  private fail(error: HttpError): void {
    const upload = this.upload
    if (upload !== null) upload.abort(error)
    this.response = Response.failed(error)
  }

  private refuse(code: string, detail: string): i32 {
    this.fail(new HttpError(code, this.about + ": " + code + detail))
    return -1
  }

  /** The outgoing-request; -1 if there is none to be made of it. */
  private requestOf(body: bool): i32 {
    const request = this.request
    const origin = request.origin
    const https = origin.startsWith("https://")
    if (!https && !origin.startsWith("http://")) {
      return this.refuse("HTTP-request-URI-invalid", ": a URL begins with https:// or http://")
    }
    const fields = fieldsOf(request.headers)
    if (fields < 0) return this.refuse("HTTP-protocol-error", ": " + refused + " is no header")
    const handle = newRequest(fields)
    if (!setMethodOf(handle, request.method)) return this.refuseRequest(handle, "HTTP-request-method-invalid")
    const authority = String.UTF8.encode(origin.substring(https ? 8 : 7))
    const path = encoded(request.target)
    setScheme(handle, 1, https ? 1 : 0, 0, 0)
    if (
      setAuthority(handle, 1, changetype<usize>(authority), authority.byteLength) != 0 ||
      setPath(handle, 1, changetype<usize>(path), path.byteLength) != 0
    ) {
      return this.refuseRequest(handle, "HTTP-request-URI-invalid")
    }
    if (!body) return handle
    requestBody(handle, result)
    if (load<u8>(result) != 0) return this.refuseRequest(handle, "HTTP-request-body-size")
    this.upload = new OutgoingBody(load<i32>(result, 4), this.about)
    return handle
  }

  private refuseRequest(handle: i32, code: string): i32 {
    dropRequest(handle)
    return this.refuse(code, "")
  }
}

/** The length of a body that is whole is said, so that it is not sent in chunks. */
function hasBody(request: Request): bool {
  if (!request.body.isWhole()) return true
  const length = request.body.bytes().byteLength
  if (length == 0) return false
  if (!request.headers.has("content-length")) request.headers.set("content-length", length.toString())
  return true
}

function setMethodOf(handle: i32, method: string): bool {
  const name = String.UTF8.encode(method)
  return setMethod(handle, methodCase(method), changetype<usize>(name), name.byteLength) == 0
}

function optionsOf(timeoutMs: i32): i32 {
  const options = newOptions()
  const nanoseconds = <u64>timeoutMs * 1_000_000
  setConnectTimeout(options, 1, nanoseconds)
  setFirstByteTimeout(options, 1, nanoseconds)
  setBetweenBytesTimeout(options, 1, nanoseconds)
  return options
}

const hexDigits = "0123456789ABCDEF"

/** What is not visible ASCII is percent-encoded, as UTF-8. */
function encoded(path: string): ArrayBuffer {
  const source = Uint8Array.wrap(String.UTF8.encode(path))
  let more = 0
  for (let index = 0; index < source.length; index++) if (mustEncode(source[index])) more += 2
  if (more == 0) return source.buffer
  const bytes = new Uint8Array(source.length + more)
  let to = 0
  for (let index = 0; index < source.length; index++) {
    const byte = source[index]
    if (!mustEncode(byte)) {
      bytes[to++] = byte
      continue
    }
    bytes[to++] = 0x25
    bytes[to++] = <u8>hexDigits.charCodeAt(byte >> 4)
    bytes[to++] = <u8>hexDigits.charCodeAt(byte & 15)
  }
  return bytes.buffer
}

function mustEncode(byte: u8): bool {
  return byte <= 0x20 || byte >= 0x7f
}
