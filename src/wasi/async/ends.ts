/** What the ends of streams and futures have in common: one copy under way at a time, told by an event. */
import { GuestTrap } from '../errors.ts'
import { Waitable } from './waitables.ts'

/** CanonicalABI.md, `CopyResult`. */
export const copyResults = { completed: 0, dropped: 1, cancelled: 2 } as const

/** What a copy that has to wait returns. */
export const BLOCKED = 0xffff_ffff

export type EndType = 'readable-stream' | 'writable-stream' | 'readable-future' | 'writable-future'

export abstract class CopyEnd extends Waitable {
  abstract readonly type: EndType
  /** `done`: the other side is gone, or the one value has been had: no copy may begin. */
  state: 'idle' | 'copying' | 'done' = 'idle'

  /** Before a copy begins. */
  startCopy(): void {
    if (this.state === 'copying') throw new GuestTrap(`a ${this.type} is copied from or to while a copy is under way`)
    if (this.state === 'done') throw new GuestTrap(`a ${this.type} is copied from or to after its other end has gone`)
    this.state = 'copying'
  }

  /** Before the end itself is given away: to the host, or another component. */
  assertTransferable(): void {
    if (this.state !== 'idle')
      throw new GuestTrap(`a ${this.type} is given away while a copy is under way or after the last`)
  }

  assertDroppable(): void {
    if (this.state === 'copying') throw new GuestTrap(`a ${this.type} is dropped while a copy is under way`)
  }
}
