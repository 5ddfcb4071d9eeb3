/** The Streams Standard: web-streams-polyfill. A WritableStream's controller has a signal, so AbortController comes first. */
import './abort.js'
import * as streams from 'web-streams-polyfill'
import { defineGlobals } from './define.js'

export * from 'web-streams-polyfill'

/** Whether a stream has been read from or cancelled: the polyfill's own field, which its interface does not show. */
export const isDisturbed = (stream) => stream._disturbed === true

defineGlobals(streams)
