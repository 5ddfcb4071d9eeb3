/** A request whose body is written while it is sent: `const upload = request.stream()`. */
import { Exchange } from "./exchange"
import { HttpError } from "./http-error"
import { OutgoingBody } from "./outgoing-body"
import { Request } from "./request"
import { Response } from "./response"
import { writeTo } from "./write"

@final
export class RequestStream {
  private exchange: Exchange

  constructor(request: Request) {
    this.exchange = new Exchange(request, true)
  }

  /** A string or a Uint8Array. Returns when it is taken. False: nobody takes it any more; `response` says why. */
  write<T>(data: T): bool {
    const body = this.exchange.upload
    return body !== null && writeTo<T>(body, data)
  }

  /** Returns when what was written is on its way. */
  flush(): bool {
    const body = this.exchange.upload
    return body !== null && body.flush()
  }

  /** Ends the body, and waits for the response. */
  response(): Response {
    const body = this.exchange.upload
    if (body !== null && !body.isOver) body.finish()
    return this.exchange.settle()
  }

  get error(): HttpError | null {
    const body: OutgoingBody | null = this.exchange.upload
    return body === null ? null : body.error
  }
}
