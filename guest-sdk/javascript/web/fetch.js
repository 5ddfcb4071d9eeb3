/** fetch, as far as it goes without a network: arguments are checked, then it is refused. */
import './headers.js'
import './response.js'
import { defineGlobals } from './define.js'
import { Request } from './request.js'

export async function fetch(input, init = undefined) {
  const request = new Request(input, init)
  request.signal.throwIfAborted()
  throw new TypeError(
    `fetch failed: this server grants functions no network access (egress); ${request.method} ${request.url} was not sent`,
  )
}

defineGlobals({ fetch })
