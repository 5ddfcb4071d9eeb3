/** The invocation under way, as far as what has no `Context` at hand must know it. */

let live = false
/** Where the arguments of `handle` are; 0 during init, and where a request is answered: that comes without a context. */
let current: usize = 0

/** Set if init drew a seed. */
let reseed: (() => void) | null = null
/** What is left to do once the handler has returned. A module in which nobody sets it does not contain it. */
let afterwards: (() => void) | null = null

export function beginInvocation(args: usize): void {
  live = true
  current = args
  const seedAnew = reseed
  if (seedAnew !== null) seedAnew()
}

export function endInvocation(): void {
  const finish = afterwards
  if (finish !== null) finish()
}

export function seedAgain(seed: () => void): void {
  reseed = seed
}

export function atEnd(finish: () => void): void {
  afterwards = finish
}

export function isLive(): bool {
  return live
}

/** Empty where there is no context. */
export function requestId(): string {
  // The first field of the context: behind the event's pointer and length.
  return current == 0 ? "" : String.UTF8.decodeUnsafe(load<usize>(current, 8), load<usize>(current, 12))
}
