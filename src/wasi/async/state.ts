/** The concurrency of one instance: what waits, and the streams through which bytes flow. Of one invocation. */
import { BodyError, type BodySource } from '../../http/body.ts'
import type { HandleTable } from '../handles.ts'
import { GuestTrap } from '../errors.ts'
import type { WasiLimits } from '../errors.ts'
import type { Waits } from '../waits.ts'
import type { Flow } from './flow.ts'
import { FutureEnd, type AnyFuture } from './futures.ts'
import type { StreamElement } from './names.ts'
import { StreamEnd, type Stream } from './stream-end.ts'
import { ByteStream } from './streams.ts'
import { ValueStream } from './value-stream.ts'
import type { Waitable } from './waitables.ts'

/** What a stream costs the host beside what flows: the object, what it remembers, rounded up. */
const STREAM_BYTES = 256

export class AsyncState {
  readonly waits: Waits
  readonly #handles: HandleTable
  readonly #limits: WasiLimits
  /** Those with somebody to read or write them: ended with the invocation, whoever holds their ends by then. */
  readonly #streams = new Set<ByteStream>()
  /** `backpressure.inc` less `backpressure.dec`: one call an instance comes anyhow. */
  backpressure = 0
  readonly #flows = new Set<Flow>()

  constructor(handles: HandleTable, waits: Waits, limits: WasiLimits) {
    this.waits = waits
    this.#handles = handles
    this.#limits = limits
  }

  get heldBytes(): number {
    let bytes = 0
    for (const stream of this.#streams) bytes += STREAM_BYTES + stream.heldBytes
    return bytes
  }

  /** The invocation is over. */
  end(): void {
    // Most leave nothing open, and an error costs its stack trace.
    if (this.#streams.size > 0 || this.#flows.size > 0) {
      const over = new BodyError('aborted', 'the invocation ended before the body did')
      for (const stream of this.#streams) stream.abandon(over)
      this.#streams.clear()
      for (const flow of this.#flows) flow.abandon(over)
    }
    this.#flows.clear()
    this.backpressure = 0
  }

  /** From now on until it is over, which the invocation waits for if the guest has no more part in it. */
  track(flow: Flow): void {
    this.#flows.add(flow)
    flow.onDone(() => this.#flows.delete(flow))
  }

  /** Resolves when all has arrived that flows without the guest; undefined if nothing does. */
  flowing(): Promise<void> | undefined {
    const own = [...this.#flows].filter(({ needsGuest }) => !needsGuest)
    return own.length === 0 ? undefined : this.#allDone(own)
  }

  async #allDone(flows: readonly Flow[]): Promise<void> {
    for (const flow of flows) if (!flow.isReady()) await this.waits.until([flow], [])
  }

  /** A stream of bytes with no ends in the guest's hands yet. */
  newStream(source?: BodySource): ByteStream {
    const stream = new ByteStream(this.#limits.hostCallBytes, source, () => this.#streams.delete(stream))
    this.#streams.add(stream)
    return stream
  }

  /** A stream that the guest writes, of whatever it is to carry. */
  newStreamOf(element: StreamElement): Stream {
    return element === 'u8' ? this.newStream() : new ValueStream(element)
  }

  /** The readable end of a stream for the guest: its handle. */
  giveStream(stream: Stream): number {
    const end = new StreamEnd('readable-stream', stream)
    stream.reader = end
    return this.insert(end)
  }

  /** The readable end of a stream of bytes from the guest, which has it no longer. */
  takeStream(handle: number): ByteStream {
    const end = this.#handles.get(handle, 'readable-stream')
    const { stream } = end
    if (!(stream instanceof ByteStream))
      throw new GuestTrap(`handle ${handle} is a stream<${stream.element}>, used as a stream<u8>`)
    end.assertTransferable()
    this.remove(handle, 'readable-stream')
    stream.reader = undefined
    return stream
  }

  giveFuture(future: AnyFuture): number {
    const end = new FutureEnd('readable-future', future)
    future.reader = end
    return this.insert(end)
  }

  takeFuture(handle: number): AnyFuture {
    const end = this.#handles.get(handle, 'readable-future')
    end.assertTransferable()
    this.remove(handle, 'readable-future')
    end.future.giveToHost()
    return end.future
  }

  insert(waitable: StreamEnd | FutureEnd): number {
    waitable.handle = this.#handles.insert(waitable)
    return waitable.handle
  }

  /** Out of the table, and of the set that it is in. */
  remove(
    handle: number,
    type: 'readable-stream' | 'writable-stream' | 'readable-future' | 'writable-future' | 'subtask',
  ): void {
    const waitable: Waitable = this.#handles.remove(handle, type)
    waitable.join(undefined)
  }
}
