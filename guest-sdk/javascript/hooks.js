/** `thaw:hooks`: what a function does once while it is built, and at the start of each invocation. docs/hooks.md. */
import { invocation } from './invocation.js'

/** @typedef {{ run: () => unknown, name: string, place: string }} Hook */

/** @type {{ onInit: Hook[], beforeSnapshot: Hook[], afterRestore: Hook[] }} */
const registered = { onInit: [], beforeSnapshot: [], afterRestore: [] }
let closed = false

function register(name, run) {
  if (typeof run !== 'function') throw new TypeError(`${name} takes a function`)
  if (closed) throw new Error(`${name} was called when init was over: hooks are registered while the modules load`)
  const place = /\/(?:var\/task|opt)\/[^\n]*:\d+:\d+/.exec(String(new Error('registered').stack))?.[0] ?? ''
  registered[name].push({ run, name, place })
}

export const onInit = (hook) => register('onInit', hook)
export const beforeSnapshot = (hook) => register('beforeSnapshot', hook)
export const afterRestore = (hook) => register('afterRestore', hook)

invocation.hooks = {
  /** The one under way, for the message of an init that failed. @type {Hook | undefined} */
  running: undefined,
  /** `settled` waits for a promise as init can (drain.js). */
  async atInit(settled) {
    const { onInit: first, beforeSnapshot: last } = registered
    const run = async (hook) => {
      invocation.hooks.running = hook
      await settled(hook.run())
      invocation.hooks.running = undefined
    }
    // A hook may register others.
    for (let at = 0; at < first.length; at++) await run(first[at])
    for (let hook = last.pop(); hook !== undefined; hook = last.pop()) await run(hook)
    first.length = 0
    closed = true
  },
  /** Undefined if there is nothing to wait for. */
  afterRestore: () => (registered.afterRestore.length === 0 ? undefined : restored()),
}

async function restored() {
  for (const { run } of registered.afterRestore) await run()
}
