import type { ResourceName, ResourceTypes } from '../resources.ts'
import type { AbiContext } from './context.ts'
import type { AbiType } from './type.ts'

/** What is an index of the guest's to it, and an object to the host. */
export function handleType<T>(
  take: (cx: AbiContext, handle: number) => T,
  give: (cx: AbiContext, value: T) => number,
): AbiType<T> {
  return {
    size: 4,
    align: 4,
    flat: ['i32'],
    load: (cx, ptr) => take(cx, cx.view.getUint32(ptr, true)),
    store(cx, ptr, value) {
      const handle = give(cx, value)
      cx.view.setUint32(ptr, handle, true)
    },
    lift: (cx, flat) => take(cx, flat.i32()),
    lower: (cx, value, flat) => void flat.push(give(cx, value)),
  }
}

/** `own<R>`: lowering puts the resource into the guest's table, lifting takes it out. */
export function own<N extends ResourceName>(name: N): AbiType<ResourceTypes[N]> {
  return handleType<ResourceTypes[N]>(
    (cx, handle) => cx.shared.handles.remove(handle, name),
    (cx, resource) => cx.shared.handles.insert(resource),
  )
}

/** `borrow<R>` as a parameter. A call that waits must count it as lent for as long as it waits. */
export function borrow<N extends ResourceName>(name: N): AbiType<ResourceTypes[N]> {
  return handleType<ResourceTypes[N]>(
    (cx, handle) => {
      const resource = cx.shared.handles.get(handle, name)
      cx.shared.lent?.push(resource)
      return resource
    },
    (cx, resource) => cx.shared.handles.lend(resource),
  )
}
