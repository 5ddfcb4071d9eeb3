/** Requests to other servers, where the function's egress rules let it. */
import { Exchange } from "./exchange"
import { waitForAny } from "./poller"
import { Request } from "./request"
import { Response } from "./response"

/**
 * Sends a request, or a GET of a URL, and waits for the head of the response. There always is one: where none came,
 * `error` says why, and `status` is 0. Redirects are not followed.
 */
export function fetch<T>(target: T): Response {
  return new Exchange(requestOf<T>(target), false).settle()
}

/** Sends them all, and waits for all the responses, in the order of the requests. */
export function fetchAll<T>(targets: Array<T>): Array<Response> {
  const exchanges = new Array<Exchange>(0)
  for (let index = 0; index < targets.length; index++) exchanges.push(new Exchange(requestOf<T>(targets[index]), false))
  while (true) {
    let open = 0
    for (let index = 0; index < exchanges.length; index++) {
      exchanges[index].advance()
      if (exchanges[index].response === null) open++
    }
    if (open == 0) break
    for (let index = 0; index < exchanges.length; index++) exchanges[index].watch()
    waitForAny()
  }
  const responses = new Array<Response>(0)
  for (let index = 0; index < exchanges.length; index++) responses.push(exchanges[index].response!)
  return responses
}

// @ts-ignore: decorator
@inline
function requestOf<T>(target: T): Request {
  if (isString<T>()) return new Request(changetype<string>(target))
  if (isReference<T>()) {
    if (idof<T>() == idof<Request>()) return changetype<Request>(target)
  }
  ERROR("fetch takes a URL or a Request")
}
