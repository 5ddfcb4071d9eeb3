/**
 * Requests whose response came before their body was sent. Reading the response sends the rest; what is left when the
 * handler returns is sent then, while what comes of the response is thrown away.
 */
import { atEnd } from "./invocation"
import { IncomingBody } from "./incoming-body"
import { waitForAny } from "./poller"

// @ts-ignore: decorator
@lazy
let bodies: Array<IncomingBody> = []

export function finishLater(body: IncomingBody): void {
  bodies.push(body)
  atEnd(finishAll)
}

function finishAll(): void {
  const left = bodies
  bodies = []
  for (let index = 0; index < left.length; index++) finish(left[index])
}

function finish(body: IncomingBody): void {
  const upload = body.upload
  if (upload === null) return
  while (true) {
    upload.advance()
    if (upload.isOver) return
    while (body.readNow() > 0) {}
    body.watch()
    upload.watch()
    waitForAny()
  }
}
