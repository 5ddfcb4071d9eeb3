/** The invocation under way, as far as what has no `Context` at hand must know it. */

/** Where the arguments of `handle` are; 0 during init. */
let current: usize = 0

export function beginInvocation(args: usize): void {
  current = args
}

export function isLive(): bool {
  return current != 0
}

/** Empty during init. */
export function requestId(): string {
  // The first field of the context: behind the event's pointer and length.
  return current == 0 ? "" : String.UTF8.decodeUnsafe(load<usize>(current, 8), load<usize>(current, 12))
}
