/** The component's side of `handle`, lifted synchronously: an event in, a payload or a function error out. */
import { Context } from "./context"
import { beginInvocation, endInvocation } from "./invocation"
import { Json } from "./json"
import { Request } from "./request"
import { Response } from "./response"

const failed: u8 = 1

/** result<list<u8>, function-error>: a discriminant, then the payload's or the three fields' pointers and lengths. */
const outcome: usize = memory.data(32, 8)

/** Set by `fail`; then the handler's value does not count. */
let failureSet = false

/** Answer with a function error: what Lambda reports as errorType and errorMessage. Use as `return fail<string>(…)`. */
export function fail<R = string>(errorType: string, errorMessage: string): R {
  failureSet = true
  store<u8>(outcome, failed)
  putText(outcome + 4, errorType)
  putText(outcome + 12, errorMessage)
  // An empty trace: its pointer must be aligned all the same.
  store<usize>(outcome, 4, 20)
  store<usize>(outcome, 0, 24)
  return changetype<R>(changetype<usize>(""))
}

function putText(at: usize, text: string): void {
  const bytes = String.UTF8.encode(text)
  store<usize>(at, changetype<usize>(bytes))
  store<usize>(at, bytes.byteLength, 4)
}

/** Called by the generated entry; E and R are the handler's own types. */
export function invoke<E, R>(handler: (event: E, context: Context) => R, args: usize): usize {
  beginInvocation(args)
  const event = eventOf<E>(args)
  return failureSet ? outcome : finish<R>(handler(event, new Context(args)))
}

export function invokeWithoutContext<E, R>(handler: (event: E) => R, args: usize): usize {
  beginInvocation(args)
  const event = eventOf<E>(args)
  return failureSet ? outcome : finish<R>(handler(event))
}

// @ts-ignore: decorator
@inline
function eventOf<E>(args: usize): E {
  if (!isReference<E>()) ERROR("A handler takes its event as Json, string, Uint8Array, ArrayBuffer or Request")
  const start = load<usize>(args)
  const length = load<usize>(args, 4)
  if (isString<E>()) return changetype<E>(String.UTF8.decodeUnsafe(start, length))
  if (idof<E>() == idof<Json>()) return changetype<E>(jsonOf(start, length))
  if (idof<E>() == idof<Request>()) {
    const request = Request.from(jsonOf(start, length))
    if (request !== null) return changetype<E>(request)
    return fail<E>("Runtime.InvalidEvent", "The event is no HTTP request of API Gateway's payload format 2.0")
  }
  const buffer = length == 0 ? new ArrayBuffer(0) : changetype<ArrayBuffer>(start)
  if (idof<E>() == idof<ArrayBuffer>()) return changetype<E>(buffer)
  if (idof<E>() == idof<Uint8Array>()) return changetype<E>(Uint8Array.wrap(buffer))
  ERROR("A handler takes its event as Json, string, Uint8Array, ArrayBuffer or Request")
}

/** As in Lambda's other runtimes no event at all is an empty object. */
function jsonOf(start: usize, length: usize): Json {
  return length == 0 ? Json.object() : Json.parse(String.UTF8.decodeUnsafe(start, length))
}

// @ts-ignore: decorator
@inline
function finish<R>(value: R): usize {
  if (!isReference<R>()) ERROR("A handler returns Json, string, Uint8Array, ArrayBuffer or Response")
  if (failureSet) {
    endInvocation()
    return outcome
  }
  store<u8>(outcome, 0)
  if (isString<R>()) putText(outcome + 4, changetype<string>(value))
  else if (idof<R>() == idof<Json>()) putText(outcome + 4, changetype<Json>(value).toString())
  else if (idof<R>() == idof<Response>()) putText(outcome + 4, changetype<Response>(value).toEvent().toString())
  else if (idof<R>() == idof<ArrayBuffer>()) {
    const buffer = changetype<ArrayBuffer>(value)
    store<usize>(outcome, changetype<usize>(buffer), 4)
    store<usize>(outcome, buffer.byteLength, 8)
  } else if (idof<R>() == idof<Uint8Array>()) {
    const bytes = changetype<Uint8Array>(value)
    store<usize>(outcome, bytes.dataStart, 4)
    store<usize>(outcome, bytes.byteLength, 8)
  } else ERROR("A handler returns Json, string, Uint8Array, ArrayBuffer or Response")
  endInvocation()
  return outcome
}
