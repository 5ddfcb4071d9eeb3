/** thaw:function/http-loop: what JavaScript that answers HTTP has of its invocation, and how it waits. */
import type { FunctionFailure } from '../../invocation.ts'
import { list } from '../abi/lists.ts'
import { record } from '../abi/records.ts'
import { u32, u64 } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { ok, option } from '../abi/variants.ts'
import { Future } from '../async/futures.ts'
import { futureOf } from '../async/types.ts'
import { monotonicNowNs } from '../clock.ts'
import { Switch, turnOfEventLoop } from '../io/condition.ts'
import { define, type HostInterfaces, type HostState } from '../state.ts'

interface InvocationRecord {
  awsRequestId: string
  deadlineMs: bigint
  traceId: string | undefined
}

interface FailureRecord {
  errorType: string
  errorMessage: string
  trace: string[]
}

/** Of which the guest has the future. */
interface LoopWait {
  readonly future: Future<'http-result'>
  /** ns of the monotonic clock; 0n: nothing is waited for but that others have a turn. */
  readonly untilNs: bigint
  readonly superseded: Switch
}

/** The loop of one invocation. */
export class HttpLoop {
  #last: LoopWait | undefined
  #isUnderWay = false
  #isOver = false
  #failure: FunctionFailure | undefined

  /** The guest has said that nothing more is to come of the invocation. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** With what it has failed, by its own account. */
  get failure(): FunctionFailure | undefined {
    return this.#failure
  }

  wait(ms: number): Future<'http-result'> {
    const last = this.#last
    if (last !== undefined) {
      last.superseded.turnOn()
      last.future.resolve(ok(undefined))
    }
    const untilNs = ms === 0 ? 0n : monotonicNowNs() + BigInt(ms) * 1_000_000n
    this.#last = { future: new Future('http-result'), untilNs, superseded: new Switch() }
    this.#isUnderWay = false
    return this.#last.future
  }

  /**
   * The guest has run out of work: from now on its wait may be over. Not before, or a guest that is only resting between
   * two slices would find it over while it still has work.
   */
  guestWaits({ waits, outgoingCalls }: HostState): void {
    const wait = this.#last
    if (wait === undefined || this.#isUnderWay) return
    this.#isUnderWay = true
    const { future, untilNs, superseded } = wait
    // Through the event loop also where there is nothing to wait for, for others to have their turn.
    const isNow = untilNs === 0n || outgoingCalls.isReady()
    const conditions = isNow ? [turnOfEventLoop(), superseded] : [untilNs, superseded, outgoingCalls]
    waits.until(conditions, []).then(
      () => future.resolve(ok(undefined)),
      // The invocation has ended, and with it whoever reads the future.
      () => undefined,
    )
  }

  finish(failure: FunctionFailure | undefined): void {
    // What is said first counts.
    if (this.#isOver) return
    this.#isOver = true
    this.#failure = failure
  }

  /** The invocation is over. */
  end(): void {
    this.#last = undefined
    this.#isUnderWay = false
    this.#isOver = false
    this.#failure = undefined
  }
}

const failureType = record<FailureRecord>({ errorType: string, errorMessage: string, trace: list(string) })
const invocationType = record<InvocationRecord>({ awsRequestId: string, deadlineMs: u64, traceId: option(string) })

export const httpLoop: HostInterfaces = {
  'thaw:function/http-loop': {
    resources: [],
    functions: {
      current: define([], invocationType, ({ invocation }): InvocationRecord => {
        const { requestId = '', deadlineMs = 0, traceId } = invocation
        return { awsRequestId: requestId, deadlineMs: BigInt(Math.trunc(deadlineMs)), traceId }
      }),
      wait: define([u32], futureOf('http-result'), ({ httpLoop }, ms) => httpLoop.wait(ms)),
      end: define([option(failureType)], undefined, ({ httpLoop }, failure) => httpLoop.finish(failure)),
    },
  },
}
