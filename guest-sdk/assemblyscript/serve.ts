/** The component's side of `wasi:http/incoming-handler`, for functions that export `fetch`. */
import { fieldsOf, headersOf, refused } from "./fields"
import {
  newResponse,
  requestAuthority,
  requestHeaders,
  requestMethod,
  requestPath,
  requestScheme,
  responseBody,
  setResponse,
  setStatus,
} from "./http-imports"
import { IncomingBody } from "./incoming-body"
import { beginInvocation, endInvocation } from "./invocation"
import { methodAt } from "./methods"
import { OutgoingBody } from "./outgoing-body"
import { Request } from "./request"
import { Response } from "./response"

const result: usize = memory.data(16, 4)
const schemeHttp: u8 = 0

/** Where the response goes; 0 where no request is being answered, or its response has begun. */
let outparam: i32 = 0
let answering = false
/** The one that has begun. */
let begun: Response | null = null

/** Called by the generated entry. */
export function serve(handler: (request: Request) => Response, request: i32, responseOut: i32): void {
  beginInvocation(0)
  outparam = responseOut
  answering = true
  begun = null
  const response = handler(requestOf(request))
  if (begun === null) answer(response)
  else if (begun !== response) throw new Error("fetch returned another response than the one that it streams")
  answering = false
  endInvocation()
}

/** Status and headers go out now; what is written to the body follows. */
export function sendHead(response: Response): OutgoingBody {
  if (!answering) throw new Error("stream() is for functions that export fetch, while they answer")
  if (outparam == 0) throw new Error("a response is being streamed already")
  const fields = fieldsOf(response.headers)
  if (fields < 0) throw new Error("the response cannot be sent: " + refused + " is no header")
  const handle = newResponse(fields)
  if (setStatus(handle, response.status) != 0) {
    throw new Error("the response cannot be sent: " + response.status.toString() + " is no status")
  }
  responseBody(handle, result)
  if (load<u8>(result) != 0) throw new Error("the response cannot be sent: its content-length is none")
  const body = new OutgoingBody(load<i32>(result, 4), "the response")
  setResponse(outparam, 0, handle, 0, 0, 0, 0, 0, 0)
  outparam = 0
  begun = response
  return body
}

function answer(response: Response): void {
  response.expectWhole()
  const source = response.body
  const status = response.status
  if (source.isWhole() && status != 204 && status != 304 && !response.headers.has("content-length")) {
    response.headers.set("content-length", source.bytes().byteLength.toString())
  }
  const body = sendHead(response)
  body.begin(source)
  body.finish()
  const error = body.error
  // A client that has gone is no fault of the function.
  if (error !== null && error.code != "connection-terminated") throw new Error(error.message)
}

function requestOf(handle: i32): Request {
  requestScheme(handle, result)
  const scheme = load<u8>(result) != 0 && load<u8>(result, 4) == schemeHttp ? "http://" : "https://"
  requestAuthority(handle, result)
  const authority = optionalText("localhost")
  requestPath(handle, result)
  const path = optionalText("/")
  requestMethod(handle, result)
  const request = new Request(scheme + authority, methodAt(result))
  request.target = path
  headersOf(requestHeaders(handle), request.headers)
  request.body = new IncomingBody(handle, false, "the request's body", null)
  return request
}

function optionalText(fallback: string): string {
  return load<u8>(result) == 0 ? fallback : String.UTF8.decodeUnsafe(load<usize>(result, 4), load<usize>(result, 8))
}
