/** wasi:clocks 0.3: live clocks, and waiting for them. The time zone is UTC, as Lambda's. */
import { u64 } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { option } from '../abi/variants.ts'
import { Pending } from '../async/subtasks.ts'
import { monotonicNowNs } from '../clock.ts'
import { Switch } from '../io/condition.ts'
import { define, defineAsync } from '../state.ts'
import type { HostInterfaces, HostState } from '../state.ts'
import { instant, s64 } from './instant.ts'
import type { Instant } from './instant.ts'

function waitUntil({ waits }: HostState, when: bigint): undefined | Pending<undefined> {
  if (when <= monotonicNowNs()) return undefined
  const cancelled = new Switch()
  const settled = waits.until([when, cancelled], []).then(() => () => undefined)
  return new Pending<undefined>(settled, () => cancelled.turnOn())
}

export const clocks3: HostInterfaces = {
  'wasi:clocks/types@0.3': { resources: [], functions: {} },
  'wasi:clocks/monotonic-clock@0.3': {
    resources: [],
    functions: {
      now: define([], u64, (state) => {
        state.reads.clock = true
        return monotonicNowNs()
      }),
      'get-resolution': define([], u64, () => 1n),
      'wait-until': defineAsync([u64], undefined, waitUntil),
      'wait-for': defineAsync([u64], undefined, (state, howLong) =>
        howLong === 0n ? undefined : waitUntil(state, monotonicNowNs() + howLong),
      ),
    },
  },
  'wasi:clocks/system-clock@0.3': {
    resources: [],
    functions: {
      now: define([], instant, (state): Instant => {
        state.reads.clock = true
        const nowMs = Date.now()
        const seconds = Math.floor(nowMs / 1_000)
        return { seconds: BigInt(seconds), nanoseconds: (nowMs - seconds * 1_000) * 1_000_000 }
      }),
      // Date.now() counts milliseconds.
      'get-resolution': define([], u64, () => 1_000_000n),
    },
  },
  // Unstable in 0.3.0.
  'wasi:clocks/timezone@0.3': {
    resources: [],
    functions: {
      'iana-id': define([], option(string), () => 'UTC'),
      'utc-offset': define([instant], option(s64), () => 0n),
      'to-debug-string': define([], string, () => 'UTC'),
    },
  },
}
