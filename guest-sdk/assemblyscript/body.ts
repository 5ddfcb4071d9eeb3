/** The body of a request or a response, whole in memory; those that come in pieces are in incoming-body.ts. */
import { base64 } from "./base64"
import { HttpError } from "./http-error"

export abstract class Body {
  /** Why it ended before its end, once that is known. */
  error: HttpError | null = null

  /** The next piece, or null at the end. It may be overwritten by the next `read`: `slice()` keeps it. */
  abstract read(): Uint8Array | null

  /** What was not read yet, and from then on the same again. */
  abstract bytes(): Uint8Array

  text(): string {
    const bytes = this.bytes()
    return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.byteLength)
  }

  /** Text that can be had without decoding. */
  isText(): bool {
    return false
  }

  /** All of it is there: `bytes` does not wait. */
  isWhole(): bool {
    return true
  }

  /** Nobody will read the rest. */
  cancel(): void {}
}

abstract class WholeBody extends Body {
  private taken: bool = false

  read(): Uint8Array | null {
    if (this.taken) return null
    this.taken = true
    const bytes = this.bytes()
    return bytes.byteLength == 0 ? null : bytes
  }
}

@final
export class TextBody extends WholeBody {
  constructor(private content: string) {
    super()
  }

  bytes(): Uint8Array {
    return Uint8Array.wrap(String.UTF8.encode(this.content))
  }

  text(): string {
    return this.content
  }

  isText(): bool {
    return true
  }
}

@final
export class BytesBody extends WholeBody {
  constructor(private content: Uint8Array) {
    super()
  }

  bytes(): Uint8Array {
    return this.content
  }
}

/** As events carry bytes. Empty if it is not base64. */
@final
export class Base64Body extends WholeBody {
  constructor(private content: string) {
    super()
  }

  bytes(): Uint8Array {
    const bytes = base64.decode(this.content)
    return bytes === null ? new Uint8Array(0) : bytes
  }
}
