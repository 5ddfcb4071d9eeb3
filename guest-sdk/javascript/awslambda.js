/**
 * The global `awslambda` of Lambda's Node.js runtime: handlers that stream their response, over
 * thaw:function/response-stream. Only in functions that mention it (src/build/languages/guest-globals.ts).
 */
import responseStream from 'thaw:function/response-stream@0.1.0'
import { encodeUtf8 } from './bytes.js'
import { runtimeError } from './failure.js'
import { invocation } from './invocation.js'
import { Writable } from './node/stream.cjs'
import { defineGlobals } from './web/define.js'

/** How AWS's runtime marks such a handler. Packages that wrap handlers carry the mark over. */
const streaming = Symbol.for('aws.lambda.runtime.handler.streaming')
const streamingWindow = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')

const integrationType = 'application/vnd.awslambda.http-integration-response'
/** What stands between a response's head and its body. */
const separator = new Uint8Array(8)
/** What one call of the host is given: a copy of it is made in the guest. */
const pieceBytes = 65_536

const invalidOperation = (message) => runtimeError('Runtime.InvalidStreamingOperation', message)

class ResponseStream extends Writable {
  #contentType = 'application/octet-stream'
  #begun = false
  #started = false

  /** Errors: `Runtime.InvalidStreamingOperation` once something has been written. */
  setContentType(contentType) {
    if (this.#begun) throw invalidOperation('Cannot set content-type, too late.')
    this.#contentType = String(contentType)
  }

  /** As on AWS, what is neither text nor bytes goes out as JSON. */
  write(chunk, encoding, callback) {
    if (chunk !== undefined && chunk !== null) this.#begin()
    return super.write(sendable(chunk), encoding, callback)
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk)
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding)
    if (chunk !== undefined && chunk !== null) this.write(chunk, encoding)
    else this.#begin()
    return super.end(callback)
  }

  /** `_onBeforeFirstWrite`: what AWS's HttpResponseStream leaves on a stream, and packages that stand in for it. */
  #begin() {
    if (this.#begun || this.destroyed || this.writableEnded) return
    this.#begun = true
    this._onBeforeFirstWrite?.((head) => super.write(head))
  }

  #start() {
    if (this.#started) return
    this.#started = true
    responseStream.start(this.#contentType)
  }

  _write(chunk, encoding, callback) {
    try {
      this.#start()
      // Returns when the caller has taken it, or as much as there is a window for.
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        const piece = new Uint8Array(chunk.slice(at, at + pieceBytes))
        if (!responseStream.write(piece)) throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
      }
      callback()
    } catch (error) {
      callback(error)
    }
  }

  /** Nothing may have been written. */
  _final(callback) {
    this.#start()
    callback()
  }
}

function sendable(chunk) {
  if (chunk === undefined || chunk === null || typeof chunk === 'string') return chunk
  if (chunk instanceof Uint8Array) return chunk
  return JSON.stringify(chunk)
}

const HttpResponseStream = {
  /** `prelude`: `{ statusCode, headers, cookies }`. Returns the same stream. Errors: as `setContentType`. */
  from(stream, prelude = {}) {
    stream.setContentType(integrationType)
    const head = encodeUtf8(JSON.stringify(prelude))
    stream._onBeforeFirstWrite = (write) => {
      write(head)
      write(separator)
    }
    return stream
  },
}

function streamifyResponse(handler, options = undefined) {
  if (typeof handler !== 'function') throw new TypeError('awslambda.streamifyResponse takes a function')
  handler[streaming] = 'response'
  if (typeof options?.highWaterMark === 'number') handler[streamingWindow] = Math.trunc(options.highWaterMark)
  return handler
}

/** A handler as any other, of one that streams; undefined for one that does not. */
invocation.streamed = (handler) => {
  const kind = handler[streaming]
  if (kind === undefined || kind === null || kind === false) return undefined
  if (kind !== 'response')
    throw runtimeError('Runtime.MalformedStreamingHandler', 'Only response streaming is supported.')
  const highWaterMark = handler[streamingWindow]
  return (event, context) => run(handler, event, context, highWaterMark)
}

/** Resolves when the handler's promise has and the stream has ended. */
async function run(handler, event, context, highWaterMark) {
  const stream = new ResponseStream(highWaterMark > 0 ? { highWaterMark } : undefined)
  const ended = new Promise((resolve, reject) => {
    const unfinished = () => reject(invalidOperation('Response stream is not finished.'))
    stream.once('finish', resolve)
    stream.once('error', reject)
    stream.once('close', unfinished)
    invocation.idle = unfinished
  })
  // A listener for good: whoever destroys the stream later must not fail for nobody listening.
  stream.on('error', () => {})
  const given = handler(event, stream, contextOf(context))
  if (typeof given?.then !== 'function') throw 'Streaming does not support non-async handlers.'
  const value = await given
  if (value !== undefined) console.warn('Streaming handlers ignore return values.')
  await ended
}

/** Without what answers by itself. */
function contextOf(context) {
  const { done: _done, succeed: _succeed, fail: _fail, ...rest } = context
  return rest
}

export const awslambda = { streamifyResponse, HttpResponseStream }
defineGlobals({ awslambda })
