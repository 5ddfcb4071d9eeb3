/**
 * A component's handle table: indices from 1, freed ones handed out again last in, first out, type checked
 * (component model, CanonicalABI.md, "Table State"). One table serves all resource types, as there.
 */
import { ThawError } from '../errors.ts'
import type { SnapshotHandle } from '../snapshot/format.ts'
import { GuestLimit, GuestTrap } from './errors.ts'
import { newPreopen } from './filesystem-resources.ts'
import type { Held } from './io/held.ts'
import { newInputStream, newOutputStream, newPollable } from './resources.ts'
import type { Resource, ResourceName, ResourceTypes } from './resources.ts'
import { newNetwork } from './sockets-resources.ts'

/** What an open handle costs the host: the object, its slot and its share of the arrays, rounded up. */
const HANDLE_BYTES = 128

const DROP_IT = 'it cannot be part of a snapshot; drop it before init ends'

export class HandleTable {
  readonly #limit: number
  #entries: (Resource | undefined)[] = [undefined]
  #free: number[] = []
  #open = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get open(): number {
    return this.#open
  }

  get heldBytes(): number {
    let bytes = this.#open * HANDLE_BYTES
    const entries: readonly (Held | undefined)[] = this.#entries
    for (const resource of entries) bytes += resource?.heldBytes ?? 0
    return bytes
  }

  /** Takes ownership of the resource. Throws GuestLimit when the table is full; what stands behind it ends then. */
  insert(resource: Resource): number {
    if (this.#open >= this.#limit) {
      const refused: Held = resource
      refused.release?.()
      throw new GuestLimit('handles', `the guest has ${this.#open} WASI handles open and asked for one more`)
    }
    const handle = this.#free.pop() ?? this.#entries.length
    this.#entries[handle] = resource
    this.#open += 1
    if (resource.parent !== undefined) resource.parent.children += 1
    return handle
  }

  /** Undefined for an index that is free. */
  typeOf(handle: number): ResourceName | undefined {
    return this.#entries[handle]?.type
  }

  /** Lowering a borrow: a defect of the host. */
  lend({ type }: Resource): number {
    throw new TypeError(`WASI 0.2 lends no ${type} to a guest`)
  }

  get<N extends ResourceName>(handle: number, type: N): ResourceTypes[N]
  get(handle: number, type: ResourceName): Resource {
    const resource = this.#entries[handle]
    if (resource === undefined) throw new GuestTrap(`unknown handle ${handle} used as a ${type}`)
    if (resource.type !== type) throw new GuestTrap(`handle ${handle} is a ${resource.type}, used as a ${type}`)
    return resource
  }

  /** The guest drops it: what stands behind it ends. Traps as `remove` does. */
  drop(handle: number, type: ResourceName): void {
    const resource: Held = this.remove(handle, type)
    resource.release?.()
  }

  /** Takes the resource out. Traps if it is lent to a call, or, as wasmtime does, if handles derived from it are open. */
  remove<N extends ResourceName>(handle: number, type: N): ResourceTypes[N]
  remove(handle: number, type: ResourceName): Resource {
    const resource: Resource = this.get(handle, type)
    if (resource.lends > 0) throw new GuestTrap(`${type} ${handle} dropped while a call has borrowed it`)
    if (resource.children > 0) {
      throw new GuestTrap(`${type} ${handle} dropped while ${resource.children} handle(s) derived from it are open`)
    }
    this.#entries[handle] = undefined
    this.#free.push(handle)
    this.#open -= 1
    if (resource.parent !== undefined) resource.parent.children -= 1
    return resource
  }

  /**
   * The table with just these handles; what stands behind those that were open ends. Freed numbers below the highest are handed out lowest first: a snapshot does
   * not record their order, so every reset agrees on this one.
   */
  reset(handles: readonly SnapshotHandle[]): void {
    const entries: (Resource | undefined)[] = [undefined]
    for (const { handle, kind } of handles) {
      if (!Number.isInteger(handle) || handle < 1 || handle > this.#limit || entries[handle] !== undefined) {
        throw new ThawError('Artifact', `The snapshot's WASI handle ${handle} is out of range or there twice.`)
      }
      while (entries.length < handle) entries.push(undefined)
      entries[handle] = recreate(kind)
    }
    const open: readonly (Held | undefined)[] = this.#entries
    for (const resource of open) resource?.release?.()
    const free: number[] = []
    for (let handle = entries.length - 1; handle > 0; handle--) if (entries[handle] === undefined) free.push(handle)
    this.#entries = entries
    this.#free = free
    this.#open = handles.length
  }

  /** The open handles as a snapshot can hold them. Throws ThawError naming one that no restore could re-create. */
  snapshot(nowNs: bigint): SnapshotHandle[] {
    return this.#entries.flatMap((resource, handle) =>
      resource === undefined ? [] : [{ handle, kind: snapshotKind(resource, handle, nowNs) }],
    )
  }

  /** All that a guest could observe of the table, as text. */
  describe(): string {
    const entries = this.#entries.map((resource) => {
      if (resource === undefined) return '-'
      const detail = resource.type === 'output-stream' && typeof resource.sink === 'string' ? resource.sink : ''
      const ready = resource.type === 'pollable' && typeof resource.condition === 'bigint' ? resource.condition : ''
      const folder = resource.type === 'descriptor' ? resource.preopen : ''
      return `${resource.type}:${detail}${ready}${folder}:${resource.children}:${resource.lends}`
    })
    return `entries ${entries.join(' ')} free ${this.#free.join(' ')}`
  }
}

function recreate(kind: SnapshotHandle['kind']): Resource {
  if (kind === 'stdin') return newInputStream()
  if (kind === 'pollable-ready') return newPollable(0n)
  if (kind === 'descriptor:/tmp') return newPreopen('/tmp')
  if (kind === 'descriptor:/var/task') return newPreopen('/var/task')
  if (kind === 'network') return newNetwork()
  return newOutputStream(kind)
}

function snapshotKind(resource: Resource, handle: number, nowNs: bigint): SnapshotHandle['kind'] {
  if (resource.type === 'input-stream' && resource.reader === undefined) return 'stdin'
  if (resource.type === 'output-stream' && typeof resource.sink === 'string') return resource.sink
  if (resource.type === 'network') return 'network'
  if (resource.type === 'descriptor') {
    if (resource.node === undefined) return `descriptor:${resource.preopen}`
    throw new ThawError('Build', `init left ${resource.path()} open (handle ${handle}): ${DROP_IT}`)
  }
  if (resource.type !== 'pollable' || typeof resource.condition !== 'bigint') {
    throw new ThawError('Build', `init left a WASI ${resource.type} open (handle ${handle}): ${DROP_IT}`)
  }
  // An instant once past stays past: such a pollable can be opened again as one that is always ready.
  if (resource.condition <= nowNs && resource.lends === 0) return 'pollable-ready'
  const why = 'a timer cannot be part of a snapshot; drop it before init ends'
  throw new ThawError('Build', `init left a wasi:io pollable open (handle ${handle}, a timer not yet due): ${why}`)
}
