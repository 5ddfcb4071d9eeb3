/** The component model's built-ins for concurrency, as a plan names them (`instance/plan.ts`). */

/** What futures carry (elements.ts). */
export type FutureElement = 'http-trailers' | 'http-result' | 'cli-result' | 'file-result'

/** What streams carry. */
export type StreamElement = 'u8' | 'directory-entry'

/**
 * CanonicalABI.md, "Canonical Built-ins". `waits`: the built-in in its synchronous form, which suspends the guest until
 * there is something to say, where the asynchronous one says that there is nothing yet. `element` left out of a stream's:
 * bytes where one is made, elsewhere whatever the stream has.
 */
export type AsyncBuiltin =
  | { name: 'waitable-set.new' | 'waitable-set.drop' | 'waitable-set.poll' | 'waitable-set.wait' | 'waitable.join' }
  | { name: 'subtask.drop' | 'task.cancel' | 'thread.yield' | 'backpressure.inc' | 'backpressure.dec' }
  | { name: 'subtask.cancel'; waits: boolean }
  | {
      name: 'stream.read' | 'stream.write' | 'stream.cancel-read' | 'stream.cancel-write'
      element?: StreamElement
      waits: boolean
    }
  | {
      name: 'future.read' | 'future.write' | 'future.cancel-read' | 'future.cancel-write'
      element: FutureElement
      waits: boolean
    }
  | { name: `stream.${'new' | 'drop-readable' | 'drop-writable'}`; element?: StreamElement }
  | { name: `future.${'new' | 'drop-readable' | 'drop-writable'}`; element: FutureElement }
