/** A response whose body is written while it is sent: `const stream = response.stream()`, and `return stream.end()`. */
import { OutgoingBody } from "./outgoing-body"
import { Response } from "./response"
import { sendHead } from "./serve"
import { writeTo } from "./write"

@final
export class ResponseStream {
  private body: OutgoingBody

  constructor(private response: Response) {
    this.body = sendHead(response)
  }

  /** A string or a Uint8Array. Returns when it is taken. False: the client has gone. */
  write<T>(data: T): bool {
    return writeTo<T>(this.body, data)
  }

  /** Returns when what was written is on its way to the client. */
  flush(): bool {
    return this.body.flush()
  }

  /** What `fetch` returns. The body ends here. */
  end(): Response {
    if (!this.body.isOver) this.body.finish()
    return this.response
  }
}
