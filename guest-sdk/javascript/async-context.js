/**
 * What AsyncLocalStorage keeps, carried from whoever asks for a callback to the callback. The engine tells nobody when it
 * resumes an `await`: in a bundle with this module, async functions are compiled to generators over promises
 * (bundle.ts), so that `then`, replaced here, sees each of them. Evaluated before anything that could keep the old ones.
 */
import { carryContext } from './timers.js'

let context = new Map()

/** @returns {ReadonlyMap<object, unknown>} */
export const current = () => context

/** From here on, until whoever set the one before sets it again. */
export function enter(next) {
  context = next
}

export function runIn(next, callback, args) {
  const before = context
  context = next
  try {
    return callback(...args)
  } finally {
    context = before
  }
}

/** A function that finds the context as it is now. */
function bound(callback) {
  if (typeof callback !== 'function') return callback
  const captured = context
  return function (...args) {
    const before = context
    context = captured
    try {
      return callback.apply(this, args)
    } finally {
      context = before
    }
  }
}

const native = Promise.prototype.then

// oxlint-disable-next-line no-extend-native, no-thenable -- there is no other way to see who waits for a promise
Object.defineProperty(Promise.prototype, 'then', {
  value: function then(onFulfilled, onRejected) {
    return native.call(this, bound(onFulfilled), bound(onRejected))
  },
  writable: true,
  configurable: true,
  enumerable: false,
})
carryContext(bound)
