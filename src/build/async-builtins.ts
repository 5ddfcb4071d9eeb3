/** The component model's built-ins for concurrency, as jco's glue binds them. */
import type { AnyNode } from 'acorn'
import type { AsyncBuiltin, FutureElement, StreamElement } from '../wasi/async/names.ts'
import { unreadable, unsupported, type GlueScope } from './glue-scope.ts'
import { literal, properties } from './syntax.ts'

const plain: Readonly<Record<string, (AsyncBuiltin & { name: string })['name']>> = {
  waitableSetNew: 'waitable-set.new',
  waitableSetDrop: 'waitable-set.drop',
  waitableSetPoll: 'waitable-set.poll',
  waitableSetWait: 'waitable-set.wait',
  waitableJoin: 'waitable.join',
  subtaskDrop: 'subtask.drop',
  subtaskCancel: 'subtask.cancel',
  taskCancel: 'task.cancel',
  asyncYield: 'thread.yield',
  backpressureInc: 'backpressure.inc',
  backpressureDec: 'backpressure.dec',
  streamNew: 'stream.new',
  streamRead: 'stream.read',
  streamWrite: 'stream.write',
  streamCancelRead: 'stream.cancel-read',
  streamCancelWrite: 'stream.cancel-write',
  streamDropReadable: 'stream.drop-readable',
  streamDropWritable: 'stream.drop-writable',
  futureNew: 'future.new',
  futureRead: 'future.read',
  futureWrite: 'future.write',
  futureCancelRead: 'future.cancel-read',
  futureCancelWrite: 'future.cancel-write',
  futureDropReadable: 'future.drop-readable',
  futureDropWritable: 'future.drop-writable',
}

/** `called`: `streamRead.bind(null, {…})`. Undefined if it is none. Errors: `Build`, for a type that Thaw has no use for. */
export function readAsyncBuiltin(
  called: { callee: string; args: AnyNode[] },
  scope: GlueScope,
  where: string,
): AsyncBuiltin | undefined {
  const match = /^(\w+)\.bind$/.exec(called.callee)
  const name = match === null ? undefined : plain[match[1] ?? '']
  if (name === undefined) return undefined
  const options = properties(called.args[1])
  switch (name) {
    case 'subtask.cancel':
      // subtaskCancel.bind(null, component, isAsync)
      return { name, waits: literal(called.args[2]) !== true }
    case 'stream.read':
    case 'stream.write':
    case 'stream.cancel-read':
    case 'stream.cancel-write':
      return { name, ...streamElement(scope, options, where), waits: waits(options, where) }
    case 'stream.new':
    case 'stream.drop-readable':
    case 'stream.drop-writable':
      return { name, ...streamElement(scope, options, where) }
    case 'future.read':
    case 'future.write':
    case 'future.cancel-read':
    case 'future.cancel-write':
      return { name, element: futureElement(scope, options, where), waits: waits(options, where) }
    case 'future.new':
    case 'future.drop-readable':
    case 'future.drop-writable':
      return { name, element: futureElement(scope, options, where) }
    default:
      return { name }
  }
}

type Options = Map<string, AnyNode> | undefined

function waits(options: Options, where: string): boolean {
  const isAsync = literal(options?.get('isAsync'))
  if (typeof isAsync !== 'boolean') throw unreadable(where)
  return !isAsync
}

/** What is not said of a stream here is said where it is made: one that carries anything else is refused there. */
function streamElement(scope: GlueScope, options: Options, where: string): { element?: StreamElement } {
  const meta = properties(options?.get('elemMeta'))
  if (meta === undefined) return {}
  const lift = scope.text(meta.get('liftFn')).replaceAll(/\s+/g, '')
  if (lift === '_liftFlatU8') return { element: 'u8' }
  if (directoryEntry.test(lift)) return { element: 'directory-entry' }
  throw unsupported(where, 'a stream of a type that no interface of WASI has')
}

/** record directory-entry { type: descriptor-type, name: string } */
const directoryEntry =
  /^_liftFlatRecord\(\{fieldMetas:\[\['type',_liftFlatVariant\(\{caseMetas:\[\['block-device',null,.*\['other',_liftFlatOption\(.*\['name',_liftFlatString/

/** The error codes that tell the interfaces apart, by a case that only they have. */
function futureElement(scope: GlueScope, options: Options, where: string): FutureElement {
  const table = literal(options?.get('futureTableIdx'))
  const element = typeof table === 'number' ? scope.futures.get(table) : undefined
  const lift = scope.text(properties(element)?.get('liftFn')).replaceAll(/\s+/g, '')
  if (lift === '') throw unreadable(where)
  const isUnit = lift.startsWith("_liftFlatResult({caseMetas:[['ok',null,")
  if (isUnit && lift.includes("'DNS-timeout'")) return 'http-result'
  if (isUnit && lift.includes("'illegal-byte-sequence'") && !lift.includes("'access'")) return 'cli-result'
  if (isUnit && lift.includes("'access'") && lift.includes("'text-file-busy'")) return 'file-result'
  if (/^_liftFlatResult\(\{caseMetas:\[\['ok',_liftFlatOption\(.*classNameFn:\(\)=>Fields.*'DNS-timeout'/.test(lift))
    return 'http-trailers'
  throw unsupported(where, 'a future of a type that no interface of WASI has')
}
