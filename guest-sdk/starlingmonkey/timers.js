/** In place of javascript/timers.js: the engine's own, with handles as Node has them. */
const native = { setTimeout, setInterval, clearTimeout, clearInterval }

class Timer {
  #id
  constructor(id) {
    this.#id = id
  }
  ref = () => this
  unref = () => this
  hasRef = () => true
  close() {
    native.clearTimeout(this.#id)
    return this
  }
  [Symbol.toPrimitive] = () => (this.#id[Symbol.dispose ?? Symbol.for('dispose')] = () => void this.close())
}

const timeout = (run, ms, ...args) => new Timer(native.setTimeout(run, ms, ...args))
const interval = (run, ms, ...args) => new Timer(native.setInterval(run, ms, ...args))
const clear = (timer) => {
  if (timer === undefined || timer === null) return
  native.clearTimeout(Number(timer))
  native.clearInterval(Number(timer))
}

export { clear as clearTimeout, interval as setInterval, timeout as setTimeout }
export const setImmediate = (run, ...args) => timeout(run, 0, ...args)

export const queueTick = (callback, ...args) => {
  if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function.')
  queueMicrotask(() => callback(...args))
}
