/** node:async_hooks: AsyncLocalStorage and AsyncResource. */
const { current, enter, runIn } = require('../async-context.js')

class AsyncLocalStorage {
  #defaultValue
  #enabled = true
  constructor(options = {}) {
    this.#defaultValue = options.defaultValue
    this.name = options.name ?? ''
  }
  run(store, callback, ...args) {
    this.#enabled = true
    return runIn(new Map(current()).set(this, store), callback, args)
  }
  exit(callback, ...args) {
    const context = new Map(current())
    context.delete(this)
    return runIn(context, callback, args)
  }
  enterWith(store) {
    this.#enabled = true
    enter(new Map(current()).set(this, store))
  }
  getStore() {
    const context = current()
    return this.#enabled && context.has(this) ? context.get(this) : this.#defaultValue
  }
  disable() {
    this.#enabled = false
  }
  static bind(callback) {
    return AsyncResource.bind(callback)
  }
  static snapshot() {
    const context = current()
    return (callback, ...args) => runIn(context, callback, args)
  }
}

class AsyncResource {
  #context = current()
  constructor(type) {
    if (typeof type !== 'string') {
      throw Object.assign(new TypeError('The "type" argument must be of type string'), { code: 'ERR_INVALID_ARG_TYPE' })
    }
    this.type = type
  }
  runInAsyncScope(callback, thisArg = undefined, ...args) {
    return runIn(this.#context, callback.bind(thisArg), args)
  }
  bind(callback) {
    const context = this.#context
    return function (...args) {
      return runIn(context, callback.bind(this), args)
    }
  }
  static bind(callback, type = 'bound-anonymous-fn') {
    return new AsyncResource(type).bind(callback)
  }
  emitDestroy() {
    return this
  }
  asyncId() {
    return 0
  }
  triggerAsyncId() {
    return 0
  }
}

module.exports = {
  AsyncLocalStorage,
  AsyncResource,
  executionAsyncId: () => 0,
  triggerAsyncId: () => 0,
  executionAsyncResource: () => ({}),
  createHook() {
    throw new Error('async_hooks.createHook is not available in Thaw; AsyncLocalStorage is')
  },
}
