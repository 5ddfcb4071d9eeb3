/** thaw:function/response-stream: a payload that leaves as it is written. */
import { BodyError, type BodySink } from '../../http/body.ts'
import { bytes } from '../abi/lists.ts'
import { bool } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { GuestTrap } from '../errors.ts'
import { define, defineBlocking, type HostInterfaces, type HostState } from '../state.ts'

const defaultContentType = 'application/octet-stream'

/** The stream of one invocation, opened when the guest first uses it. */
export class ResponseStream {
  #sink: BodySink | undefined
  /** What waits to be written: a guest may have lowered the write such that it goes on meanwhile. */
  waiting: Uint8Array | undefined

  get sink(): BodySink | undefined {
    return this.#sink
  }

  start({ invocation }: HostState, contentType: string): BodySink {
    if (this.#sink !== undefined) throw new GuestTrap('response-stream.start was called after the stream had begun')
    if (invocation.payloadStream === undefined)
      throw new GuestTrap('response-stream was used where no payload is asked for')
    this.#sink = invocation.payloadStream.start(contentType)
    return this.#sink
  }

  end(): void {
    this.#sink = undefined
    this.waiting = undefined
  }
}

/** False if nothing more is taken. */
function writeNow(sink: BodySink, contents: Uint8Array): boolean {
  if (sink.failure !== undefined) return false
  try {
    if (contents.length > 0) sink.write(contents)
    return true
  } catch (error) {
    // Of a limit, or of a length that was said, the sink knows only now.
    if (!(error instanceof BodyError)) throw error
    return false
  }
}

/** `contents` is the guest's memory, which may change while a write that was lowered asynchronously waits. */
async function writeLater(state: HostState, sink: BodySink, contents: Uint8Array): Promise<boolean> {
  const { responseStream, waits } = state
  const rest = contents.slice()
  responseStream.waiting = rest
  try {
    for (let at = 0; at < rest.length;) {
      const most = Math.min(sink.capacity, rest.length - at)
      if (!writeNow(sink, rest.subarray(at, at + most))) return false
      at += most
      if (at < rest.length) await waits.until([writable(sink)], [], rest.length - at)
    }
    return sink.failure === undefined
  } finally {
    if (responseStream.waiting === rest) responseStream.waiting = undefined
  }
}

function writable(sink: BodySink) {
  return {
    isReady: () => sink.failure !== undefined || sink.capacity > 0,
    onChange: (callback: () => void) => sink.onWritable(callback),
  }
}

export const responseStream: HostInterfaces = {
  'thaw:function/response-stream': {
    resources: [],
    functions: {
      start: define([string], undefined, (state, contentType) => void state.responseStream.start(state, contentType)),
      write: defineBlocking([bytes], bool, (state, contents) => {
        const { responseStream } = state
        // Two that wait would mix their bytes.
        if (responseStream.waiting !== undefined)
          throw new GuestTrap('response-stream.write was called while another write waited for room')
        const sink = responseStream.sink ?? responseStream.start(state, defaultContentType)
        if (sink.failure !== undefined) return false
        return contents.length > sink.capacity ? writeLater(state, sink, contents) : writeNow(sink, contents)
      }),
    },
  },
}
