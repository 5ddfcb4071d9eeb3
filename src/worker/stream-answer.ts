/** An invocation as the answer to InvokeWithResponseStream: AWS's event stream, from the first byte that there is. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { EventStreamCodec } from '@smithy/eventstream-codec'
import type { BodySink, PayloadStream } from '../http/body.ts'
import type { Invocation, InvocationResult } from '../invocation.ts'
import { failureJson, serverTiming } from './answers.ts'
import { outgoingResponder } from './edge/outgoing-body.ts'
import { logTail } from './invocation-log.ts'

/** Ours: the payload's bytes in one event, so that a client need not hold more of it. */
const chunkBytes = 65_536

export interface StreamedAnswer {
  payloadStream: PayloadStream
  /** Once, when the function has ended. `began`, `log`: as for `Respond`. */
  complete(result: InvocationResult, began: number, log: string | undefined): Response
}

export type OpenStreamedAnswer = (
  outgoing: ServerResponse<IncomingMessage>,
  invocation: Pick<Invocation, 'requestId' | 'spec'>,
) => Promise<StreamedAnswer>

/** `PayloadChunk` events, then one `InvokeComplete`, which says whether the function failed. */
export function createStreamAnswers(windowBytes: number): OpenStreamedAnswer {
  let codec: EventStreamCodec | undefined
  return async (outgoing, { requestId, spec }) => {
    // When it is first asked for, which in most workers is never.
    const encoder = (codec ??= await loadCodec())
    const head = (contentType: string | undefined, timing: string | undefined): BodySink =>
      outgoingResponder(outgoing, { windowBytes, headers: [] }).respond({
        status: 200,
        headers: [
          ['content-type', 'application/vnd.amazon.eventstream'],
          ['x-amzn-requestid', requestId],
          ['x-amz-executed-version', spec.version],
          ...(contentType === undefined ? [] : ([['x-amzn-lambda-content-type', contentType]] as const)),
          ...(timing === undefined ? [] : ([['server-timing', timing]] as const)),
        ],
      })
    let body: BodySink | undefined
    return {
      payloadStream: {
        start(contentType) {
          body = head(contentType, undefined)
          return new ChunkedPayload(encoder, body)
        },
      },
      complete({ outcome, report }, began, log) {
        const sink = body ?? head(undefined, serverTiming(report, performance.now() - began))
        const payload = outcome.kind === 'success' ? outcome.payload : new Uint8Array()
        // A client that has gone is told nothing; the function's log and usage are kept all the same.
        if (sink.failure === undefined) {
          writeChunks(encoder, sink, payload)
          const complete = {
            ...(outcome.kind === 'failure' && { ErrorCode: 'Unhandled', ErrorDetails: failureJson(outcome.failure) }),
            ...(log !== undefined && { LogResult: logTail(log) }),
          }
          const event = eventOf(encoder, 'InvokeComplete', 'application/json', Buffer.from(JSON.stringify(complete)))
          sink.write(event)
          sink.end()
        }
        return RESPONSE_ALREADY_SENT
      },
    }
  }
}

async function loadCodec(): Promise<EventStreamCodec> {
  const { EventStreamCodec: Codec } = await import('@smithy/eventstream-codec')
  return new Codec(
    (bytes) => Buffer.from(bytes).toString(),
    (text) => Buffer.from(text),
  )
}

function eventOf(codec: EventStreamCodec, type: string, contentType: string, body: Uint8Array): Uint8Array {
  return codec.encode({
    headers: {
      ':event-type': { type: 'string', value: type },
      ':content-type': { type: 'string', value: contentType },
      ':message-type': { type: 'string', value: 'event' },
    },
    body,
  })
}

function writeChunks(codec: EventStreamCodec, sink: BodySink, payload: Uint8Array): void {
  for (let at = 0; at < payload.length; at += chunkBytes)
    sink.write(eventOf(codec, 'PayloadChunk', 'application/octet-stream', payload.subarray(at, at + chunkBytes)))
}

/** What a function streams, in events. It does not end with the payload: the completion follows. */
class ChunkedPayload implements BodySink {
  readonly #codec: EventStreamCodec
  readonly #sink: BodySink

  constructor(codec: EventStreamCodec, sink: BodySink) {
    this.#codec = codec
    this.#sink = sink
  }

  get capacity(): number {
    return this.#sink.capacity
  }

  get failure() {
    return this.#sink.failure
  }

  get drained(): boolean {
    return this.#sink.drained
  }

  get heldBytes(): number {
    return this.#sink.heldBytes
  }

  write(bytes: Uint8Array): void {
    writeChunks(this.#codec, this.#sink, bytes)
  }

  onWritable(callback: () => void): () => void {
    return this.#sink.onWritable(callback)
  }

  end(): void {}

  /** That the function failed, the completion says. */
  fail(): void {}
}
