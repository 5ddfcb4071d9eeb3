/**
 * Which controller reads which source: one at a time. A lease names its owner, and the owner has a document that it
 * renews; so thousands of leases cost one write an interval. Who finds the owner's document expired deletes it before it
 * takes a lease over: an owner that was only slow then fails to renew, and knows that it has lost all that it had.
 */
import { z } from 'zod'
import { ThawError } from '../../errors.ts'
import { createCollection, type Documents, type Entry } from '../../store/documents.ts'
import type { Timers } from '../timers.ts'

export interface LeasesOptions {
  documents: Documents
  timers: Timers
  /**
   * One that a crash outlives takes its own leases up again at once: only where no second process can have it (a folder
   * lock). Else one never used before.
   */
  ownerId: string
  /** How long after an owner's last sign its leases are free. Clocks of owners must not differ by as much. */
  ttlMs: number
  /** Somebody took them over: nothing is held any more. */
  onLost(): void
}

export interface Leases extends AsyncDisposable {
  /** False: somebody else holds it, or was faster. */
  acquire(accountId: string, uuid: string): Promise<boolean>
  /** Asked before a source is told anything final. */
  isHeld(uuid: string): boolean
  /** Forgets it, for everybody. */
  release(accountId: string, uuid: string): Promise<void>
}

const ownerSchema = z.object({ expiresAt: z.number() })
const leaseSchema = z.object({ owner: z.string() })

export function createLeases({ documents, timers, ownerId, ttlMs, onLost }: LeasesOptions): Leases {
  const owners = createCollection(documents, 'mapping-owner', ownerSchema)
  const leases = createCollection(documents, 'mapping-lease', leaseSchema)
  const held = new Set<string>()
  let own: Promise<Entry<{ expiresAt: number }>> | undefined
  let expiresAt = 0
  let cancel = (): void => {}
  let closed = false

  /** Writes the owner's document over whatever an earlier life of this owner left. */
  const claim = async () => {
    const before = await owners.get('', '', ownerId)
    return sign(before?.revision ?? 'absent')
  }

  const sign = async (expected: number | 'absent') => {
    const until = timers.now() + ttlMs
    const entry = await owners.put('', '', ownerId, { expiresAt: until }, expected)
    expiresAt = until
    cancel()
    if (!closed) cancel = timers.at(timers.now() + ttlMs / 3, () => void renew(entry))
    return entry
  }

  const renew = async (entry: Entry<{ expiresAt: number }>): Promise<void> => {
    try {
      const signed = await sign(entry.revision)
      own = Promise.resolve(signed)
    } catch (error) {
      if (closed) return
      if (error instanceof ThawError && error.code === 'PreconditionFailed') lose()
      else if (timers.now() < expiresAt) cancel = timers.at(timers.now() + ttlMs / 10, () => void renew(entry))
      else lose()
    }
  }

  const lose = (): void => {
    own = undefined
    expiresAt = 0
    held.clear()
    onLost()
  }

  const take = async (accountId: string, uuid: string): Promise<boolean> => {
    const lease = await leases.get(accountId, '', uuid)
    if (lease !== undefined && lease.value.owner !== ownerId) {
      const other = await owners.get('', '', lease.value.owner)
      if (other !== undefined && other.value.expiresAt > timers.now()) return false
      if (other !== undefined) await owners.delete('', '', other.key, other.revision)
    }
    if (lease?.value.owner !== ownerId)
      await leases.put(accountId, '', uuid, { owner: ownerId }, lease?.revision ?? 'absent')
    return true
  }

  return {
    async acquire(accountId, uuid) {
      try {
        own ??= claim()
        await own
        if (!(await take(accountId, uuid))) return false
      } catch (error) {
        own = expiresAt > timers.now() ? own : undefined
        if (isRace(error)) return false
        throw error
      }
      if (closed) return false
      held.add(uuid)
      return true
    },

    isHeld: (uuid) => held.has(uuid) && timers.now() < expiresAt,

    async release(accountId, uuid) {
      held.delete(uuid)
      const lease = await leases.get(accountId, '', uuid)
      if (lease?.value.owner === ownerId) await leases.delete(accountId, '', uuid, lease.revision).catch(ifRace)
    },

    async [Symbol.asyncDispose]() {
      closed = true
      cancel()
      held.clear()
      // Without it all leases are free.
      const entry = await own?.catch(() => undefined)
      own = undefined
      if (entry !== undefined) await owners.delete('', '', ownerId, entry.revision).catch(ifRace)
    },
  }
}

const isRace = (error: unknown): boolean =>
  error instanceof ThawError && (error.code === 'PreconditionFailed' || error.code === 'ResourceConflict')

function ifRace(error: unknown): void {
  if (!isRace(error)) throw error
}
