/**
 * Rejected promises that nobody handles. The engine has a hook for them that JavaScript cannot reach, so it is seen from
 * two sides (docs/web-apis.md has what else was tried): promises come here when they are made, by `__thawAsync`, which the
 * builder puts around what async functions and `new Promise` give (src/build/languages/instrument.ts), and by `then` and
 * the statics replaced here; and they leave when somebody asks for them: each `await`, `then` and Promise.all reads the
 * promise's `constructor` (ECMA-262, PromiseResolve and SpeciesConstructor), which is a getter here.
 * Only in functions that make promises besides their handler's own.
 */
import { invocation, nativeThen } from './invocation.js'

const NativePromise = Promise
const { prototype } = NativePromise

/** Made last: it is asked for at once as a rule, and then has never been in a set. */
let last
/** Made, not asked for, and not watched. */
const fresh = new Set()
/** Not asked for; what comes of them is noted. With the reason once rejected. */
const watched = new Map()
/** So many are held at a time: past it they are watched, which holds nothing that is over. */
const maxFresh = 1_000
/** Inside Promise.all and its like, and `finally`: what `then` gives them is dropped by the engine, not by the function. */
let inside = false
/** The runtime's own, given to the engine: what it derives of it is nobody's. */
let exempted

/** @template P @param {P} promise @returns {P} */
function track(promise) {
  // Made by an async function that was lowered, and given on by what is replaced below: it is asked for once.
  if (promise === last) return promise
  if (last !== undefined) {
    fresh.add(last)
    if (fresh.size > maxFresh) watch()
  }
  last = promise
  return promise
}

/** Someone asks for it, and it is not the last. */
function forget(promise) {
  if (fresh.size > 0 && fresh.delete(promise)) return
  if (watched.size > 0) watched.delete(promise)
}

/** True if there were any to watch: what has come of them is known after their microtasks. */
function watch() {
  if (last !== undefined) fresh.add(last)
  last = undefined
  if (fresh.size === 0) return false
  const promises = [...fresh]
  fresh.clear()
  for (const promise of promises) {
    // A subclass has a constructor of its own: who asks for its promises is not seen.
    if (Object.getPrototypeOf(promise) !== prototype) continue
    nativeThen.call(
      promise,
      () => watched.delete(promise),
      (reason) => void (watched.has(promise) && watched.set(promise, { reason })),
    )
    watched.set(promise, undefined)
  }
  return true
}

/** At the end of a turn: one that was rejected, and that nobody has asked for. @returns {{ reason: unknown } | undefined} */
function unhandled() {
  for (const [promise, rejected] of watched) {
    if (rejected === undefined) continue
    watched.delete(promise)
    return rejected
  }
}

/** Nothing is there of which something might still come in this turn. */
const quiet = () => last === undefined && fresh.size === 0 && watched.size === 0

function exempt(promise) {
  exempted = promise
  return promise
}

/** The handler's, or a thenable: asked for, without a promise of what is derived. */
function ask(result, onFulfilled, onRejected) {
  if (Object.getPrototypeOf(result) === prototype) nativeThen.call(result, onFulfilled, onRejected)
  else result.then(onFulfilled, onRejected)
}

invocation.rejections = { watch, unhandled, quiet, exempt, ask }

Object.defineProperty(globalThis, '__thawAsync', { value: track })
Object.defineProperty(prototype, 'constructor', {
  get() {
    if (this === last) last = undefined
    else forget(this)
    return NativePromise
  },
  // As of a property that is there to be written.
  set(value) {
    Object.defineProperty(this, 'constructor', { value, writable: true, enumerable: true, configurable: true })
  },
  enumerable: false,
  configurable: true,
})

function replace(target, name, make) {
  const property = Object.getOwnPropertyDescriptor(target, name)
  if (typeof property?.value !== 'function') return
  const value = make(property.value)
  Object.defineProperty(value, 'name', { value: property.value.name, configurable: true })
  Object.defineProperty(value, 'length', { value: property.value.length, configurable: true })
  Object.defineProperty(target, name, { ...property, value })
}

const textOf = Function.prototype.call.bind(Function.prototype.toString)
const engineText = textOf(NativePromise.withResolvers().resolve)

/** Nobody has what `then` gives: the engine asks, as another promise was resolved with this one, or an `await` that was lowered. */
function isForNobody(onRejected) {
  if (typeof onRejected !== 'function') return false
  const { name } = onRejected
  return name === '' ? textOf(onRejected) === engineText : name === '_throw'
}

replace(prototype, 'then', (native) => {
  return function (onFulfilled, onRejected) {
    const derived = native.call(this, onFulfilled, onRejected)
    return inside || this === exempted || isForNobody(onRejected) ? derived : track(derived)
  }
})
for (const [target, name] of [
  ...['all', 'allSettled', 'any', 'race'].map((name) => [NativePromise, name]),
  // It calls `then` with functions of the engine's.
  [prototype, 'finally'],
]) {
  replace(target, name, (native) => {
    return function (argument) {
      const before = inside
      inside = true
      try {
        return track(native.call(this, argument))
      } finally {
        inside = before
      }
    }
  })
}
for (const [target, name] of [
  [NativePromise, 'reject'],
  [NativePromise, 'try'],
  [Array, 'fromAsync'],
  [globalThis, 'fetch'],
]) {
  replace(target, name, (native) => {
    return function (...args) {
      return track(native.apply(this, args))
    }
  })
}
replace(NativePromise, 'withResolvers', (native) => {
  return function () {
    const made = native.call(this)
    track(made.promise)
    return made
  }
})
