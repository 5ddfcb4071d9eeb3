/**
 * `thaw:hooks`: work at build, and at the start of each invocation. Have TypeScript see it by a line in one of your files,
 * or a copy of this one:
 *
 *     /// <reference path="./node_modules/thaw/guest-sdk/javascript/hooks.d.ts" />
 */
declare module 'thaw:hooks' {
  /** What a hook returns is waited for. */
  export type Hook = () => unknown

  /**
   * Asynchronous work of init: runs at build, after the modules have been evaluated, before the snapshot is taken. In the
   * order of registration, one after the other. What it rejects with fails the build.
   */
  export function onInit(hook: Hook): void

  /**
   * The last work before the snapshot is taken: clear caches, warm code paths. After all of onInit's, in the reverse
   * order of registration. What it rejects with fails the build.
   */
  export function beforeSnapshot(hook: Hook): void

  /**
   * The first work of each invocation, before the handler: connections, seeds, times. In the order of registration, one
   * after the other. It is part of the invocation: its time counts, and what it rejects with is the function's error.
   */
  export function afterRestore(hook: Hook): void
}
