/** wasi:io/poll. Streams are always ready, so all there is to wait for is time. */
import { borrow } from './abi/handles.ts'
import { list } from './abi/lists.ts'
import { bool, u32 } from './abi/scalars.ts'
import { monotonicNowNs } from './clock.ts'
import { GuestTrap } from './errors.ts'
import type { Pollable } from './resources.ts'
import { define, defineBlocking } from './state.ts'
import type { HostInterfaces } from './state.ts'

function isReady(pollable: Pollable): boolean {
  return pollable.readyAtNs === 0n || pollable.readyAtNs <= monotonicNowNs()
}

function readyIndexes(pollables: readonly Pollable[]): number[] {
  const nowNs = monotonicNowNs()
  return pollables.flatMap((pollable, index) => (pollable.readyAtNs <= nowNs ? [index] : []))
}

const pollable = borrow('pollable')

export const poll: HostInterfaces = {
  'wasi:io/poll': {
    resources: ['pollable'],
    functions: {
      '[method]pollable.ready': define([pollable], bool, (_state, pollable) => isReady(pollable)),
      '[method]pollable.block': defineBlocking([pollable], undefined, (state, pollable) =>
        isReady(pollable) ? undefined : state.waits.until(pollable.readyAtNs, [pollable]),
      ),
      poll: defineBlocking([list(pollable)], list(u32), (state, pollables) => {
        const [first] = pollables
        if (first === undefined) throw new GuestTrap('wasi:io/poll was called with an empty list')
        const ready = readyIndexes(pollables)
        if (ready.length > 0) return ready
        const earliest = pollables.reduce(
          (least, { readyAtNs }) => (readyAtNs < least ? readyAtNs : least),
          first.readyAtNs,
        )
        return state.waits.until(earliest, pollables).then(() => readyIndexes(pollables))
      }),
    },
  },
}
