/** The component model's built-ins for concurrency, for one instance (CanonicalABI.md, "Canonical Built-ins"). */
import type { AsyncBuiltin, FutureElement, StreamElement } from './names.ts'
import type { AbiContext } from '../abi/context.ts'
import type { CoreValue } from '../abi/type.ts'
import { GuestTrap } from '../errors.ts'
import type { HandleTable } from '../handles.ts'
import { turnOfEventLoop } from '../io/condition.ts'
import { BLOCKED } from './ends.ts'
import { FutureEnd, newFuture } from './futures.ts'
import type { AsyncState } from './state.ts'
import { StreamEnd } from './stream-end.ts'
import { eventCodes, WaitableSet, type Waitable, type WaitEvent } from './waitables.ts'

export interface BuiltinContext {
  readonly state: AsyncState
  readonly handles: HandleTable
  readonly cx: AbiContext
}

/** What a core call returns; a promise of it where the guest has to wait. */
export type BuiltinCall = (...flat: CoreValue[]) => CoreValue | undefined | Promise<CoreValue>

export interface LoweredBuiltin {
  call: BuiltinCall
  mayBlock: boolean
}

/** CanonicalABI.md, "canon backpressure.{inc,dec}". */
const MAX_BACKPRESSURE = 2 ** 16
const WAITABLE_TYPES = ['readable-stream', 'writable-stream', 'readable-future', 'writable-future', 'subtask'] as const

export function lowerBuiltin(builtin: AsyncBuiltin, context: BuiltinContext): LoweredBuiltin {
  const call = callOf(builtin, context)
  return { call, mayBlock: blocks(builtin) }
}

function blocks(builtin: AsyncBuiltin): boolean {
  if (builtin.name === 'waitable-set.wait' || builtin.name === 'thread.yield') return true
  return 'waits' in builtin && builtin.waits && !builtin.name.includes('cancel')
}

function callOf(builtin: AsyncBuiltin, context: BuiltinContext): BuiltinCall {
  const { state, handles, cx } = context
  switch (builtin.name) {
    case 'waitable-set.new':
      return () => handles.insert(new WaitableSet())
    case 'waitable-set.drop':
      return (set) => dropSet(handles, index(set))
    case 'waitable-set.poll':
      return (set, ptr) => tell(cx, index(ptr), handles.get(index(set), 'waitable-set').take() ?? nothing)
    case 'waitable-set.wait':
      return (set, ptr) => waitForSet(context, handles.get(index(set), 'waitable-set'), index(ptr))
    case 'waitable.join':
      return (waitable, set) => join(handles, index(waitable), index(set))
    case 'subtask.cancel':
      // The host's calls end at once when they are cancelled: there is nothing to wait for.
      return (handle) => handles.get(index(handle), 'subtask').cancel()
    case 'subtask.drop':
      return (handle) => {
        handles.get(index(handle), 'subtask').assertDroppable()
        state.remove(index(handle), 'subtask')
        return undefined
      }
    case 'task.cancel':
      return () => {
        throw new GuestTrap('task.cancel was called by a task that nobody has cancelled')
      }
    case 'thread.yield':
      return async () => {
        await state.waits.until([turnOfEventLoop()], [])
        return 0
      }
    case 'backpressure.inc':
    case 'backpressure.dec':
      return () => {
        const value = state.backpressure + (builtin.name === 'backpressure.inc' ? 1 : -1)
        if (value < 0 || value >= MAX_BACKPRESSURE)
          throw new GuestTrap(`${builtin.name}: the counter would be ${value}`)
        state.backpressure = value
        return undefined
      }
    case 'stream.new':
      return () => {
        const stream = state.newStreamOf(builtin.element ?? 'u8')
        stream.writer = new StreamEnd('writable-stream', stream)
        const readable = state.giveStream(stream)
        return pair(readable, state.insert(stream.writer))
      }
    case 'future.new':
      return () => {
        const future = newFuture(builtin.element)
        future.writer = new FutureEnd('writable-future', future)
        const readable = state.giveFuture(future)
        return pair(readable, state.insert(future.writer))
      }
    case 'stream.read':
    case 'stream.write': {
      const { element, waits } = builtin
      const type = builtin.name === 'stream.read' ? 'readable-stream' : 'writable-stream'
      return (handle, ptr, length) => {
        const end = streamEnd(handles, index(handle), type, element)
        return copied(context, end, end.stream.copy(end, cx, index(ptr), index(length)), waits)
      }
    }
    case 'future.read':
    case 'future.write': {
      const { element, waits } = builtin
      const type = builtin.name === 'future.read' ? 'readable-future' : 'writable-future'
      return (handle, ptr) => {
        const end = futureEnd(handles, index(handle), type, element)
        return copied(context, end, end.future.copy(end, cx, index(ptr)), waits)
      }
    }
    case 'stream.cancel-read':
    case 'stream.cancel-write': {
      const { element } = builtin
      const type = builtin.name === 'stream.cancel-read' ? 'readable-stream' : 'writable-stream'
      return (handle) => {
        const end = streamEnd(handles, index(handle), type, element)
        return end.stream.cancel(end)
      }
    }
    case 'future.cancel-read':
    case 'future.cancel-write': {
      const { element } = builtin
      const type = builtin.name === 'future.cancel-read' ? 'readable-future' : 'writable-future'
      return (handle) => {
        const end = futureEnd(handles, index(handle), type, element)
        return end.future.cancel(end)
      }
    }
    case 'stream.drop-readable':
    case 'stream.drop-writable': {
      const { element } = builtin
      const type = builtin.name === 'stream.drop-readable' ? 'readable-stream' : 'writable-stream'
      return (handle) => {
        const end = streamEnd(handles, index(handle), type, element)
        end.assertDroppable()
        state.remove(index(handle), type)
        end.stream.dropEnd(end)
        return undefined
      }
    }
    case 'future.drop-readable':
    case 'future.drop-writable': {
      const { element } = builtin
      const type = builtin.name === 'future.drop-readable' ? 'readable-future' : 'writable-future'
      return (handle) => {
        const end = futureEnd(handles, index(handle), type, element)
        end.assertDroppable()
        end.future.dropEnd(end)
        state.remove(index(handle), type)
        return undefined
      }
    }
    default:
      return unreachable(builtin)
  }
}

const nothing: WaitEvent = { code: eventCodes.none, handle: 0, payload: 0 }

function index(value: CoreValue | undefined): number {
  return Number(value ?? 0) >>> 0
}

/** Two handles in one i64, the readable end in the low half. */
function pair(readable: number, writable: number): bigint {
  return BigInt(readable) | (BigInt(writable) << 32n)
}

function streamEnd(
  handles: HandleTable,
  handle: number,
  type: 'readable-stream' | 'writable-stream',
  element: StreamElement | undefined,
): StreamEnd {
  const end = handles.get(handle, type)
  if (element !== undefined && end.stream.element !== element)
    throw new GuestTrap(`handle ${handle} is a stream<${end.stream.element}>, used as a stream<${element}>`)
  return end
}

function futureEnd(
  handles: HandleTable,
  handle: number,
  type: 'readable-future' | 'writable-future',
  element: FutureElement,
): FutureEnd {
  const end = handles.get(handle, type)
  if (end.future.element !== element)
    throw new GuestTrap(`handle ${handle} is a future<${end.future.element}>, used as a future<${element}>`)
  return end
}

function copied(
  { state }: BuiltinContext,
  end: StreamEnd | FutureEnd,
  payload: number | undefined,
  waits: boolean,
): number | Promise<number> {
  if (payload !== undefined) return payload
  if (!waits) return BLOCKED
  return state.waits.until([end], []).then(() => end.takeEvent().payload)
}

function waitForSet({ state, cx }: BuiltinContext, set: WaitableSet, ptr: number): number | Promise<number> {
  const event = set.take()
  return event === undefined ? nextEvent(state, set).then((later) => tell(cx, ptr, later)) : tell(cx, ptr, event)
}

/** For the host, which waits in the guest's stead between two calls of its callback. */
export async function nextEvent(state: AsyncState, set: WaitableSet): Promise<WaitEvent> {
  for (;;) {
    const event = set.take()
    if (event !== undefined) return event
    await state.waits.until([set], [])
  }
}

/** Index and payload go to memory, the code is returned. */
function tell(cx: AbiContext, ptr: number, { code, handle, payload }: WaitEvent): number {
  cx.check(ptr, 8, 4)
  cx.view.setUint32(ptr, handle, true)
  cx.view.setUint32(ptr + 4, payload, true)
  return code
}

function dropSet(handles: HandleTable, handle: number): undefined {
  const set = handles.get(handle, 'waitable-set')
  if (set.members.size > 0) throw new GuestTrap(`a waitable set is dropped with ${set.members.size} members`)
  if (set.waitedFor) throw new GuestTrap('a waitable set is dropped while it is waited for')
  handles.remove(handle, 'waitable-set')
  return undefined
}

function join(handles: HandleTable, handle: number, set: number): undefined {
  const waitable = waitableAt(handles, handle)
  waitable.join(set === 0 ? undefined : handles.get(set, 'waitable-set'))
  return undefined
}

function waitableAt(handles: HandleTable, handle: number): Waitable {
  const type = WAITABLE_TYPES.find((name) => handles.typeOf(handle) === name)
  if (type === undefined) throw new GuestTrap(`handle ${handle} is nothing that can be waited for`)
  return handles.get(handle, type)
}

function unreachable(builtin: never): never {
  throw new GuestTrap(`unknown built-in ${JSON.stringify(builtin)}`)
}
