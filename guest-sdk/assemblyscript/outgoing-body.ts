/** A body on its way out: of a request to another server, or of the response under way. */
import { Body } from "./body"
import { errorAt, HttpError, streamErrorAt } from "./http-error"
import {
  checkWrite,
  dropOutgoingBody,
  dropOutput,
  finishBody,
  flushBlocking,
  outputOf,
  subscribeOutput,
  writeNow,
} from "./http-imports"
import { IncomingBody } from "./incoming-body"
import { waitForAny, watch } from "./poller"

/** Room for result<_, error-code>. */
const result: usize = memory.data(40, 8)

@final
export class OutgoingBody {
  isOver: bool = false
  error: HttpError | null = null
  private output: i32
  /** What is to be written next, from here to there. */
  private at: usize = 0
  private end: usize = 0
  /** Where more of it comes from. */
  private source: IncomingBody | null = null
  /** It is over when nothing is left to be written. */
  private ending: bool = false

  constructor(
    private body: i32,
    /** What the errors are about. */
    private about: string,
  ) {
    outputOf(body, result)
    this.output = load<i32>(result, 4)
  }

  /** All of this, and then the end; `advance` or `finish` does it. */
  begin(body: Body): void {
    this.ending = true
    if (!body.isWhole()) {
      this.source = changetype<IncomingBody>(body)
      return
    }
    const bytes = body.bytes()
    this.at = bytes.dataStart
    this.end = bytes.dataStart + bytes.byteLength
  }

  /** Returns when all of it is taken. False if it cannot be sent any more. */
  write(at: usize, length: i32): bool {
    this.at = at
    this.end = at + length
    while (true) {
      this.advance()
      if (this.isOver || this.at == this.end) return this.error === null && !this.isOver
      this.watch()
      waitForAny()
    }
  }

  /** Returns when what was written is on its way. False as in `write`. */
  flush(): bool {
    if (this.isOver) return false
    flushBlocking(this.output, result)
    if (load<u8>(result) != 0) this.fail(result + 4)
    return !this.isOver
  }

  /** Writes what is left, and ends it. */
  finish(): void {
    this.ending = true
    while (true) {
      this.advance()
      if (this.isOver) return
      this.watch()
      waitForAny()
    }
  }

  /** Writes what can be written now. */
  advance(): void {
    while (!this.isOver) {
      if (this.at == this.end && !this.refill()) return
      checkWrite(this.output, result)
      if (load<u8>(result) != 0) return this.fail(result + 8)
      const length = min(load<u64>(result, 8), <u64>(this.end - this.at))
      if (length == 0) return
      writeNow(this.output, this.at, <i32>length, result)
      if (load<u8>(result) != 0) return this.fail(result + 4)
      this.at += <usize>length
    }
  }

  /** What `advance` could not go on without. */
  watch(): void {
    if (this.isOver) return
    const source = this.source
    if (this.at < this.end || source === null) watch(subscribeOutput(this.output))
    else {
      source.watch()
      const before = source.upload
      if (before !== null) before.watch()
    }
  }

  /** Ends it before its end, so that whoever gets it sees that. */
  abort(error: HttpError | null): void {
    if (this.isOver) return
    this.isOver = true
    this.error = error
    dropOutput(this.output)
    dropOutgoingBody(this.body)
  }

  /** False if nothing more is there, for now or at all. */
  private refill(): bool {
    const source = this.source
    if (source !== null) {
      const before = source.upload
      if (before !== null) before.advance()
      const length = source.readNow()
      if (length == 0) return false
      if (length > 0) {
        this.at = source.pieceStart
        this.end = this.at + length
        return true
      }
      this.source = null
      if (source.error !== null) {
        this.abort(source.error)
        return false
      }
    }
    if (this.ending) this.close()
    return false
  }

  private close(): void {
    this.isOver = true
    dropOutput(this.output)
    finishBody(this.body, 0, 0, result)
    if (load<u8>(result) != 0) this.error = errorAt(result + 8, this.about)
  }

  private fail(at: usize): void {
    const error = streamErrorAt(at, this.about)
    this.abort(error === null ? new HttpError("connection-terminated", this.about + ": connection-terminated") : error)
  }
}
