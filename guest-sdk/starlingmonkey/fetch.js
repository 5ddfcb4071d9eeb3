/** `export default { fetch }` and `addEventListener('fetch', ...)` over the engine's fetch event. */
import { process } from '../javascript/process.js'
import { invocation } from '../javascript/invocation.js'

const native = globalThis.addEventListener

/** From the first request on there is an environment. */
globalThis.addEventListener = (type, listener, ...rest) => {
  if (type !== 'fetch') return native.call(globalThis, type, listener, ...rest)
  listens = true
  return native.call(globalThis, type, (event) => {
    invocation.live = true
    return listener(event)
  })
}
let listens = false

/** Called once, while the function is built. */
export function init(module, moduleName) {
  const app = [module.default, module.default?.default].find((object) => typeof object?.fetch === 'function')
  if (app === undefined) {
    if (listens) return
    const error = new Error(`${moduleName} has neither a handler nor export default { fetch } nor a fetch listener`)
    error.name = 'Runtime.HandlerNotFound'
    throw error
  }
  globalThis.addEventListener('fetch', (event) => {
    const context = {
      waitUntil: (promise) => event.waitUntil(promise),
      passThroughOnException: () => undefined,
      props: {},
    }
    event.respondWith(respond(app, event.request, context))
  })
}

async function respond(app, request, context) {
  try {
    return await app.fetch(request, process.env, context)
  } catch (error) {
    globalThis.console.error(error)
    // The engine would send a status of its own and break off behind it: without a response it is a function error.
    process.exit(1)
    throw error
  }
}
