/** wasi:clocks: live clocks. A timer costs nothing until something waits for it. */
import { own } from './abi/handles.ts'
import { record } from './abi/records.ts'
import { u32, u64 } from './abi/scalars.ts'
import { monotonicNowNs } from './clock.ts'
import { newPollable } from './resources.ts'
import { define } from './state.ts'
import type { HostInterfaces } from './state.ts'

interface Datetime {
  seconds: bigint
  nanoseconds: number
}

const datetime = record<Datetime>({ seconds: u64, nanoseconds: u32 })

const MAX_INSTANT_NS = 2n ** 64n - 1n

export const clocks: HostInterfaces = {
  'wasi:clocks/wall-clock': {
    resources: [],
    functions: {
      now: define([], datetime, (state) => {
        state.reads.clock = true
        const nowMs = Date.now()
        const seconds = Math.floor(nowMs / 1_000)
        return { seconds: BigInt(seconds), nanoseconds: (nowMs - seconds * 1_000) * 1_000_000 }
      }),
      // Date.now() counts milliseconds.
      resolution: define([], datetime, () => ({ seconds: 0n, nanoseconds: 1_000_000 })),
    },
  },
  'wasi:clocks/monotonic-clock': {
    resources: [],
    functions: {
      now: define([], u64, (state) => {
        state.reads.clock = true
        return monotonicNowNs()
      }),
      resolution: define([], u64, () => 1n),
      'subscribe-instant': define([u64], own('pollable'), (_state, when) => newPollable(when)),
      'subscribe-duration': define([u64], own('pollable'), (_state, duration) => {
        const instant = monotonicNowNs() + duration
        return newPollable(instant > MAX_INSTANT_NS ? MAX_INSTANT_NS : instant)
      }),
    },
  },
}
