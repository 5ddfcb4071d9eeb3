/** Waiting for the first of several things. */
import { dropPollable, poll } from "./http-imports"
import { receiveAt, receiveAnywhere } from "./memory"

/** Ours: more is not waited for at once. An exchange has three pollables at most, and of exchanges there are 64. */
const most: i32 = 1_024

// @ts-ignore: decorator
@lazy
const watched: StaticArray<i32> = new StaticArray<i32>(most)
// @ts-ignore: decorator
@lazy
const ready: StaticArray<i32> = new StaticArray<i32>(most)
let count = 0

const result: usize = memory.data(8, 4)

/** Takes the pollable. */
export function watch(pollable: i32): void {
  if (count == most) throw new Error("more than " + most.toString() + " streams are waited for at once")
  watched[count++] = pollable
}

/** Returns when one of those watched is ready, and watches none any more. Which it was is seen by asking again. */
export function waitForAny(): void {
  receiveAt(changetype<usize>(ready), <usize>most << 2)
  poll(changetype<usize>(watched), count, result)
  receiveAnywhere()
  while (count > 0) dropPollable(watched[--count])
}
