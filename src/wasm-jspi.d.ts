/** JavaScript Promise Integration, not yet in TypeScript's library. https://github.com/WebAssembly/js-promise-integration */
declare namespace WebAssembly {
  const Suspending: new (fn: (...args: never[]) => unknown) => CallableFunction
  function promising<Args extends unknown[]>(fn: (...args: Args) => unknown): (...args: Args) => Promise<unknown>
}
