/** wasi:io/poll. */
import { borrow } from './abi/handles.ts'
import { list } from './abi/lists.ts'
import { bool, u32 } from './abi/scalars.ts'
import { GuestTrap } from './errors.ts'
import { isReady } from './io/condition.ts'
import type { Pollable } from './resources.ts'
import { define, defineBlocking } from './state.ts'
import type { HostInterfaces, HostState } from './state.ts'

function readyIndexes(pollables: readonly Pollable[]): number[] {
  return pollables.flatMap(({ condition }, index) => (isReady(condition) ? [index] : []))
}

async function pollLater(state: HostState, pollables: readonly Pollable[]): Promise<number[]> {
  const conditions = pollables.map(({ condition }) => condition)
  for (;;) {
    await state.waits.until(conditions, pollables)
    // What woke it may have been used up meanwhile, by another task of the guest.
    const ready = readyIndexes(pollables)
    if (ready.length > 0) return ready
  }
}

const pollable = borrow('pollable')

export const poll: HostInterfaces = {
  'wasi:io/poll': {
    resources: ['pollable'],
    functions: {
      '[method]pollable.ready': define([pollable], bool, (_state, { condition }) => isReady(condition)),
      '[method]pollable.block': defineBlocking([pollable], undefined, (state, pollable) =>
        isReady(pollable.condition) ? undefined : state.waits.until([pollable.condition], [pollable]),
      ),
      poll: defineBlocking([list(pollable)], list(u32), (state, pollables) => {
        if (pollables.length === 0) throw new GuestTrap('wasi:io/poll was called with an empty list')
        const ready = readyIndexes(pollables)
        return ready.length > 0 ? ready : pollLater(state, pollables)
      }),
    },
  },
}
