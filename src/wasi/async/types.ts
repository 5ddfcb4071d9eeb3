/** `stream<T>` and `future<T>` as parameters and results of host functions. */
import { handleType } from '../abi/handles.ts'
import type { AbiType } from '../abi/type.ts'
import { GuestTrap } from '../errors.ts'
import { Future, type AnyFuture } from './futures.ts'
import type { FutureElement } from './names.ts'
import type { ByteStream } from './streams.ts'
import type { ValueElement, ValueStream } from './value-stream.ts'

/** Of what only the host writes: it is lowered and never lifted. */
export function givenStream<E extends ValueElement>(element: E): AbiType<ValueStream<E>> {
  return handleType<ValueStream<E>>(
    () => {
      throw new GuestTrap(`a stream<${element}> is given to the host`)
    },
    (cx, stream) => cx.shared.async.giveStream(stream),
  )
}

/** Lifting takes the readable end from the guest, lowering gives it one. */
export const byteStream: AbiType<ByteStream> = handleType<ByteStream>(
  (cx, handle) => cx.shared.async.takeStream(handle),
  (cx, stream) => cx.shared.async.giveStream(stream),
)

export function futureOf<E extends FutureElement>(element: E): AbiType<Future<E>> {
  return handleType<Future<E>>(
    (cx, handle) => {
      const future = cx.shared.async.takeFuture(handle)
      if (isOf(future, element)) return future
      throw new GuestTrap(`a future<${future.element}> is used as a future<${element}>`)
    },
    (cx, future) => cx.shared.async.giveFuture(future),
  )
}

function isOf<E extends FutureElement>(future: AnyFuture, element: E): future is Future<E> {
  return future instanceof Future && future.element === element
}
