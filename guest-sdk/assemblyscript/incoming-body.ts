/** A body that is read as it comes: that of the request under way, or of a response to `fetch`. */
import { Body } from "./body"
import { streamErrorAt } from "./http-error"
import {
  consumeRequest,
  consumeResponse,
  dropIncomingBody,
  dropIncomingResponse,
  dropInput,
  inputOf,
  readBlocking,
  readNow,
  subscribeInput,
} from "./http-imports"
import { receiveAnywhere, receiveAt } from "./memory"
import { OutgoingBody } from "./outgoing-body"
import { waitForAny, watch } from "./poller"

const pieceBytes: i32 = 65_536
/** Room for result<list<u8>, stream-error>. */
const result: usize = memory.data(16, 8)

const notStarted: i32 = -1
const over: i32 = -2

@final
export class IncomingBody extends Body {
  private input: i32 = notStarted
  private body: i32 = 0
  /** Of the pieces that `read` gives; each goes where the last one was. */
  private piece: Uint8Array | null = null
  private whole: Uint8Array | null = null

  constructor(
    /** A request, or a response, which is dropped at the end. */
    private owner: i32,
    private isResponse: bool,
    /** What the errors are about. */
    private about: string,
    /** What is still being sent of the request to which this is the answer. */
    readonly upload: OutgoingBody | null,
  ) {
    super()
  }

  isWhole(): bool {
    return false
  }

  read(): Uint8Array | null {
    const piece = this.room()
    const length = this.wait(piece.dataStart, pieceBytes)
    return length == 0 ? null : this.filled(length)
  }

  /** The next piece if there is one: its length, 0 if none is there yet, -1 at the end. It is in `piece`. */
  readNow(): i32 {
    const piece = this.room()
    const length = this.take(piece.dataStart, pieceBytes, false)
    if (length > 0) this.filled(length)
    return length
  }

  get pieceStart(): usize {
    return this.room().dataStart
  }

  bytes(): Uint8Array {
    const known = this.whole
    if (known !== null) return known
    let room = pieceBytes
    let block = __new(room, idof<ArrayBuffer>())
    let length = 0
    while (true) {
      const taken = this.wait(block + length, room - length)
      if (taken == 0) break
      length += taken
      if (length == room) {
        // In place, as nothing was allocated behind it.
        room <<= 1
        block = __renew(block, room)
      }
    }
    const whole = Uint8Array.wrap(changetype<ArrayBuffer>(__renew(block, length)))
    this.whole = whole
    return whole
  }

  /** Something to wait for, if it is not over. */
  watch(): void {
    if (this.start()) watch(subscribeInput(this.input))
  }

  cancel(): void {
    if (this.input == over) return
    if (this.input != notStarted) {
      dropInput(this.input)
      dropIncomingBody(this.body)
    }
    this.input = over
    if (this.isResponse) dropIncomingResponse(this.owner)
  }

  /** False if it is over. */
  private start(): bool {
    if (this.input == notStarted) {
      if (this.isResponse) consumeResponse(this.owner, result)
      else consumeRequest(this.owner, result)
      this.body = load<i32>(result, 4)
      inputOf(this.body, result)
      this.input = load<i32>(result, 4)
    }
    return this.input != over
  }

  /** The next bytes; 0 at the end. What is still to be sent goes on meanwhile: a server may wait for it. */
  private wait(at: usize, room: i32): i32 {
    const upload = this.upload
    while (true) {
      const blocking = upload === null || upload.isOver
      const length = this.take(at, room, blocking)
      if (length != 0) return max(length, 0)
      if (upload === null) continue
      upload.advance()
      upload.watch()
      this.watch()
      waitForAny()
    }
  }

  /** How many came; 0 if none is there yet, -1 at the end. */
  private take(at: usize, room: i32, blocking: bool): i32 {
    if (!this.start()) return -1
    receiveAt(at, room)
    if (blocking) readBlocking(this.input, room, result)
    else readNow(this.input, room, result)
    receiveAnywhere()
    if (load<u8>(result) == 0) return load<i32>(result, 8)
    this.error = streamErrorAt(result + 4, this.about)
    this.cancel()
    return -1
  }

  private room(): Uint8Array {
    const known = this.piece
    if (known !== null) return known
    const piece = new Uint8Array(pieceBytes)
    this.piece = piece
    return piece
  }

  /** The one view, cut to length: another for each piece would never be freed. */
  private filled(length: i32): Uint8Array {
    const piece = this.room()
    store<i32>(changetype<usize>(piece), length, offsetof<Uint8Array>("byteLength"))
    return piece
  }
}
