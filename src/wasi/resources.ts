/** What a handle stands for. Own handles only: WASI 0.2's imports never lend a resource to the guest. */
import type { AsyncResourceTypes } from './async/resources.ts'
import type { FileResourceTypes } from './filesystem-resources.ts'
import type { HttpResourceTypes } from './http/resources.ts'
import type { ServiceResourceTypes } from './http3/resources.ts'
import type { Condition } from './io/condition.ts'
import type { IoError } from './io/errors.ts'
import { held } from './io/held.ts'
import type { Held } from './io/held.ts'
import type { Reader } from './io/reader.ts'
import type { Writer } from './io/writer.ts'
import type { SocketResourceTypes } from './sockets-resources.ts'

export interface InputStream extends Held {
  readonly type: 'input-stream'
  /** Undefined for standard input, which is closed from the start. */
  readonly reader: Reader | undefined
}

export interface OutputStream extends Held {
  readonly type: 'output-stream'
  /** The invocation's log, or a body. */
  readonly sink: 'stdout' | 'stderr' | Writer
}

export interface Pollable extends Held {
  readonly type: 'pollable'
  readonly condition: Condition
}

/** The resource types by WIT name. Of those that map to `never` no instance can exist: no host function makes one. */
export interface ResourceTypes
  extends HttpResourceTypes, ServiceResourceTypes, AsyncResourceTypes, FileResourceTypes, SocketResourceTypes {
  'input-stream': InputStream
  'output-stream': OutputStream
  pollable: Pollable
  error: IoError
  'terminal-input': never
  'terminal-output': never
}

export type ResourceName = keyof ResourceTypes
export type Resource = ResourceTypes[ResourceName]

export function newInputStream(reader?: Reader, parent?: Held): InputStream {
  return { type: 'input-stream', ...held(parent), reader }
}

export function newOutputStream(sink: OutputStream['sink'], parent?: Held): OutputStream {
  return { type: 'output-stream', ...held(parent), sink }
}

export function newPollable(condition: Condition, parent?: Held): Pollable {
  return { type: 'pollable', ...held(parent), condition }
}
