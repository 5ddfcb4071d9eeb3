/**
 * `stream<u8>`: two ends, each the guest's or the host's. The host's ends are a BodySource (it writes) or a sink (it
 * reads); a guest may hold both ends, pass on what the host gave it, or give the host what it writes itself.
 */
import type { BodySink, BodySource } from '../../http/body.ts'
import { BodyError } from '../../http/body.ts'
import { copyResults } from './ends.ts'
import { Stream, type GuestBuffer, type StreamEnd } from './stream-end.ts'

/** What of a sink a stream needs: its end is told to whoever piped. */
export type StreamSink = Pick<BodySink, 'capacity' | 'failure' | 'write' | 'onWritable'> & {
  readonly heldBytes?: number
}

/** Told once when the host has read everything; `error`: the stream did not end by itself. */
type OnEnd = (error: BodyError | undefined) => void

/** Ours: pieces that are passed from one of the host's ends to the other before others have their turn. */
const PUMP_PIECES = 16

export class ByteStream extends Stream {
  readonly element = 'u8'
  /** The host writes: of a stream that it gave to the guest. */
  readonly source: BodySource | undefined
  #sink: StreamSink | undefined
  #onEnd: OnEnd | undefined
  #onSourceEnd: OnEnd | undefined
  #unsubscribe: (() => void) | undefined
  readonly #mostBytes: number
  readonly #gone: () => void

  /**
   * @param mostBytes of one copy, so that no host call holds the thread
   * @param gone called when nobody reads any more and nobody writes
   */
  constructor(mostBytes: number, source: BodySource | undefined, gone: () => void) {
    super()
    this.#mostBytes = mostBytes
    this.source = source
    this.#gone = gone
  }

  /** Told once when what the host writes has come to its end, was given up, or failed. */
  onSourceEnd(callback: OnEnd): void {
    this.#onSourceEnd = callback
  }

  get heldBytes(): number {
    return (this.source?.heldBytes ?? 0) + (this.#sink?.heldBytes ?? 0)
  }

  dropReader(): void {
    this.reader = undefined
    this.readerDropped = true
    this.#letGo()
    this.#sink = undefined
    this.#onEnd = undefined
    this.source?.cancel()
    this.#sourceEnded(undefined)
    this.finishPending(this.writer)
    this.#checkGone()
  }

  protected dropWriter(): void {
    this.writer = undefined
    this.writerDropped = true
    if (this.#sink !== undefined) this.#end(undefined)
    else this.finishPending(this.reader)
    this.#checkGone()
  }

  /** The host reads from now on: what comes goes to `sink`, which is not ended; the end is told. */
  pipe(sink: StreamSink, onEnd: OnEnd): void {
    this.#sink = sink
    this.#onEnd = onEnd
    if (this.source !== undefined) this.#pump(this.source, sink)
    else if (this.writerDropped) this.#end(undefined)
    else this.#continueWrite(this.writer)
  }

  abandon(error: BodyError): void {
    this.#letGo()
    this.writer?.abandonCopy()
    this.reader?.abandonCopy()
    this.source?.cancel()
    this.#onSourceEnd = undefined
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    onEnd?.(error)
  }

  protected read(end: StreamEnd, buffer: GuestBuffer): number | undefined {
    const { source, writer } = this
    if (source !== undefined) return this.#readSource(end, buffer, source)
    if (this.writerDropped || writer === undefined) return end.finish(copyResults.dropped)
    return writer.buffer === undefined ? undefined : this.#meet(end, buffer, writer, writer.buffer)
  }

  #readSource(end: StreamEnd, buffer: GuestBuffer, source: BodySource): number | undefined {
    // Of nothing there is no reading: it is done at once, and says nothing of what is there.
    if (buffer.length === 0) return end.finish(copyResults.completed)
    let read: Uint8Array | 'wait' | 'end'
    try {
      read = source.read(Math.min(buffer.length, this.#mostBytes))
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      // Why it ended too soon, the future beside the stream says.
      this.#sourceEnded(error)
      return end.finish(copyResults.dropped)
    }
    if (read === 'end') {
      this.#sourceEnded(undefined)
      return end.finish(copyResults.dropped)
    }
    if (read === 'wait') {
      end.waitFor(source.onReadable(() => end.settle(() => this.#readSource(end, buffer, source))))
      return undefined
    }
    buffer.cx.bytes(buffer.ptr, read.length).set(read)
    buffer.progress = read.length
    return end.finish(copyResults.completed)
  }

  protected write(end: StreamEnd, buffer: GuestBuffer): number | undefined {
    const { reader } = this
    if (this.readerDropped) return end.finish(copyResults.dropped)
    if (this.#sink !== undefined) return this.#writeSink(end, buffer, this.#sink)
    return reader?.buffer === undefined ? undefined : this.#meet(end, buffer, reader, reader.buffer)
  }

  #writeSink(end: StreamEnd, buffer: GuestBuffer, sink: StreamSink): number | undefined {
    if (sink.failure !== undefined) return this.#sinkFailed(end, sink.failure)
    if (buffer.length === 0) return end.finish(copyResults.completed)
    const bytes = Math.min(buffer.length, sink.capacity, this.#mostBytes)
    if (bytes === 0) {
      end.waitFor(sink.onWritable(() => end.settle(() => this.#writeSink(end, buffer, sink))))
      return undefined
    }
    try {
      sink.write(buffer.cx.bytes(buffer.ptr, bytes))
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      return this.#sinkFailed(end, error)
    }
    buffer.progress = bytes
    return end.finish(copyResults.completed)
  }

  #sinkFailed(end: StreamEnd, error: BodyError): number {
    this.readerDropped = true
    this.#end(error)
    return end.finish(copyResults.dropped)
  }

  #continueWrite(writer: StreamEnd | undefined): void {
    const buffer = writer?.buffer
    if (writer !== undefined && buffer !== undefined) writer.settle(() => this.write(writer, buffer))
  }

  /** Both ends are the guest's, and `other` has been waiting: its event tells what has been copied when it is told. */
  #meet(end: StreamEnd, own: GuestBuffer, other: StreamEnd, others: GuestBuffer): number | undefined {
    const left = others.length - others.progress
    if (left === 0) {
      // A reader of nothing is left waiting by a writer of nothing, or the two would go on like that for ever.
      if (end.type === 'writable-stream' && own.length === 0 && others.length === 0)
        return end.finish(copyResults.completed)
      other.settle(() => other.finish(copyResults.completed))
      return undefined
    }
    const [from, to] = end.type === 'readable-stream' ? [others, own] : [own, others]
    const bytes = Math.min(own.length, left, this.#mostBytes)
    if (bytes > 0) {
      const copied = from.cx.bytes(from.ptr + from.progress, bytes).slice()
      to.cx.bytes(to.ptr + to.progress, bytes).set(copied)
      from.progress += bytes
      to.progress += bytes
      if (!other.hasEvent) other.setEvent(() => other.event(other.finish(copyResults.completed)))
    }
    return end.finish(copyResults.completed)
  }

  /** From one of the host's ends to the other, as much as the sink takes. */
  #pump(source: BodySource, sink: StreamSink): void {
    this.#unsubscribe = undefined
    for (let pieces = 0; pieces < PUMP_PIECES; pieces++) {
      if (sink.failure !== undefined) return this.#stopPump(source, sink.failure)
      if (sink.capacity === 0) {
        this.#unsubscribe = sink.onWritable(() => this.#pump(source, sink))
        return
      }
      let read: Uint8Array | 'wait' | 'end'
      try {
        read = source.read(Math.min(sink.capacity, this.#mostBytes))
      } catch (error) {
        if (!(error instanceof BodyError)) throw error
        this.#sourceEnded(error)
        return this.#end(error)
      }
      if (read === 'end') {
        this.#sourceEnded(undefined)
        return this.#end(undefined)
      }
      if (read === 'wait') {
        this.#unsubscribe = source.onReadable(() => this.#pump(source, sink))
        return
      }
      try {
        sink.write(read)
      } catch (error) {
        if (!(error instanceof BodyError)) throw error
        return this.#stopPump(source, error)
      }
    }
    // Others have their turn.
    const immediate = setImmediate(() => this.#pump(source, sink))
    this.#unsubscribe = () => clearImmediate(immediate)
  }

  #stopPump(source: BodySource, error: BodyError): void {
    source.cancel()
    this.#sourceEnded(undefined)
    this.#end(error)
  }

  #sourceEnded(error: BodyError | undefined): void {
    const callback = this.#onSourceEnd
    this.#onSourceEnd = undefined
    callback?.(error)
  }

  #end(error: BodyError | undefined): void {
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    this.readerDropped = true
    this.#checkGone()
    onEnd?.(error)
  }

  #letGo(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }

  #checkGone(): void {
    if (this.readerDropped && (this.source !== undefined || this.writerDropped)) this.#gone()
  }
}
