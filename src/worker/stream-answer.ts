/** An invocation's result as the answer to InvokeWithResponseStream: AWS's event stream. */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { EventStreamCodec } from '@smithy/eventstream-codec'
import { failureJson, serverTiming, type Respond } from './answers.ts'
import { logTail } from './invocation-log.ts'

/** Ours: the payload's bytes in one event, so that a client need not hold more of it. */
const chunkBytes = 65_536

/** `PayloadChunk` events, then one `InvokeComplete`, which says whether the function failed. */
export function createStreamRespond(): Respond {
  let codec: EventStreamCodec | undefined
  // When it is first asked for, which in most workers is never.
  const loadCodec = async (): Promise<EventStreamCodec> => {
    const { EventStreamCodec: Codec } = await import('@smithy/eventstream-codec')
    return new Codec(
      (bytes) => Buffer.from(bytes).toString(),
      (text) => Buffer.from(text),
    )
  }
  const eventOf = (codec: EventStreamCodec, type: string, contentType: string, body: Uint8Array): Uint8Array =>
    codec.encode({
      headers: {
        ':event-type': { type: 'string', value: type },
        ':content-type': { type: 'string', value: contentType },
        ':message-type': { type: 'string', value: 'event' },
      },
      body,
    })

  return async (outgoing, { requestId, spec }, { outcome, report }, began, log) => {
    const encoder = (codec ??= await loadCodec())
    outgoing.writeHead(200, {
      'content-type': 'application/vnd.amazon.eventstream',
      'x-amzn-requestid': requestId,
      'x-amz-executed-version': spec.version,
      'server-timing': serverTiming(report, performance.now() - began),
    })
    const payload = outcome.kind === 'success' ? outcome.payload : new Uint8Array()
    for (let at = 0; at < payload.length; at += chunkBytes)
      outgoing.write(
        eventOf(encoder, 'PayloadChunk', 'application/octet-stream', payload.subarray(at, at + chunkBytes)),
      )
    const complete = {
      ...(outcome.kind === 'failure' && { ErrorCode: 'Unhandled', ErrorDetails: failureJson(outcome.failure) }),
      ...(log !== undefined && { LogResult: logTail(log) }),
    }
    outgoing.end(eventOf(encoder, 'InvokeComplete', 'application/json', Buffer.from(JSON.stringify(complete))))
    return RESPONSE_ALREADY_SENT
  }
}
