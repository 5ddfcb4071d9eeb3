/** What a handle stands for. Own handles only: WASI 0.2's imports never lend a resource to the guest. */

interface Held {
  /** Handles derived from this one that are still open; it must outlive them. */
  children: number
  /** Calls under way that borrowed it; only a call that waits can be seen by another. */
  lends: number
}

/** Standard input: closed from the start. */
export interface InputStream extends Held {
  readonly type: 'input-stream'
  readonly parent: undefined
}

export interface OutputStream extends Held {
  readonly type: 'output-stream'
  readonly parent: undefined
  readonly sink: 'stdout' | 'stderr'
}

export interface Pollable extends Held {
  readonly type: 'pollable'
  readonly parent: InputStream | OutputStream | undefined
  /** Ready from this instant of the monotonic clock on, ns; 0 for always. */
  readonly readyAtNs: bigint
}

export type Resource = InputStream | OutputStream | Pollable

/** The resource types by WIT name. Of those that map to `never` no instance can exist: no host function makes one. */
export interface ResourceTypes {
  'input-stream': InputStream
  'output-stream': OutputStream
  pollable: Pollable
  error: never
  descriptor: never
  'directory-entry-stream': never
  'terminal-input': never
  'terminal-output': never
}

export type ResourceName = keyof ResourceTypes

export function newInputStream(): InputStream {
  return { type: 'input-stream', parent: undefined, children: 0, lends: 0 }
}

export function newOutputStream(sink: 'stdout' | 'stderr'): OutputStream {
  return { type: 'output-stream', parent: undefined, sink, children: 0, lends: 0 }
}

export function newPollable(readyAtNs: bigint, parent?: InputStream | OutputStream): Pollable {
  return { type: 'pollable', parent, readyAtNs, children: 0, lends: 0 }
}
