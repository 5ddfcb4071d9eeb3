/**
 * setTimeout, setInterval, setImmediate. There is no event loop in the guest: while `handle` waits, the host calls
 * `turn`, which runs one callback and lets its microtasks finish, as Node does between two timers.
 */
import { invocation, monotonicMs } from './invocation.js'

/** Node: a longer delay than this does not fit 32 bits and becomes 1 ms. */
const maxDelayMs = 2_147_483_647

class Timeout {
  constructor(id, run, delayMs, repeat) {
    this.id = id
    this.run = run
    this.delayMs = delayMs
    this.repeat = repeat
    this.held = true
    this.dueMs = 0
    /** Ties go by order of arming. */
    this.order = 0
  }
  ref() {
    this.held = true
    return this
  }
  unref() {
    this.held = false
    return this
  }
  hasRef() {
    return this.held
  }
  refresh() {
    arm(this)
    return this
  }
  close() {
    armed.delete(this.id)
    return this
  }
  [Symbol.toPrimitive]() {
    return this.id
  }
  [Symbol.dispose]() {
    this.close()
  }
}

const armed = new Map()
let lastId = 0
let lastOrder = 0

function arm(timer) {
  timer.dueMs = monotonicMs() + timer.delayMs
  timer.order = ++lastOrder
  armed.set(timer.id, timer)
  invocation.wake?.(timer.dueMs)
  return timer
}

function create(callback, delay, args, repeat) {
  if (typeof callback !== 'function') {
    throw new TypeError(`The "callback" argument must be of type function. Received ${String(callback)}`)
  }
  const wanted = Math.trunc(Number(delay))
  const delayMs = wanted >= 1 && wanted <= maxDelayMs ? wanted : 1
  const run = carry(callback)
  return arm(new Timeout(++lastId, args.length === 0 ? run : () => run(...args), delayMs, repeat))
}

/** What a callback finds again when it runs: nothing, unless async-context.js is there. */
let carry = (callback) => callback
export const carryContext = (bind) => {
  carry = bind
}

export const setTimeout = (callback, delay, ...args) => create(callback, delay, args, false)
export const setInterval = (callback, delay, ...args) => create(callback, delay, args, true)
export function setImmediate(callback, ...args) {
  const timer = create(callback, 1, args, false)
  timer.delayMs = 0
  timer.dueMs = -Infinity
  invocation.wake?.(timer.dueMs)
  return timer
}
export function clearTimeout(timer) {
  if (timer !== null && timer !== undefined) armed.delete(typeof timer === 'object' ? timer.id : Number(timer))
}

function earliest() {
  let first
  for (const timer of armed.values()) {
    const before = first === undefined || timer.dueMs < first.dueMs
    if (before || (timer.dueMs === first.dueMs && timer.order < first.order)) first = timer
  }
  return first
}

/** Run the callback that is due first, if one is; it may throw. True if one ran. */
export function runDueTimer() {
  const timer = earliest()
  if (timer === undefined || timer.dueMs > monotonicMs()) return false
  if (timer.repeat) arm(timer)
  else armed.delete(timer.id)
  timer.run()
  return true
}

/** Milliseconds until the next callback, rounded up; null if nothing is left that keeps the function waiting. */
export function nextTimerMs() {
  let held = false
  for (const timer of armed.values()) held ||= timer.held
  return held ? Math.max(0, Math.ceil(earliest().dueMs - monotonicMs())) : null
}

/** The same, also of those that keep nothing waiting. */
export function anyTimerMs() {
  const first = earliest()
  return first === undefined ? null : Math.max(0, Math.ceil(first.dueMs - monotonicMs()))
}

/** Timers that init left armed hold times of the builder's clock: keep what remained of each, then count from here. */
export function suspendTimers() {
  const now = monotonicMs()
  for (const timer of armed.values()) timer.dueMs -= now
}
export function resumeTimers() {
  if (armed.size === 0) return
  const now = monotonicMs()
  for (const timer of armed.values()) timer.dueMs += now
}

/** Whether anything is armed that keeps the function waiting. */
export const timersPending = () => nextTimerMs() !== null

const nativeQueue = globalThis.queueMicrotask

/** A microtask. What one throws would end the engine. */
export const queueTick = (callback, ...args) => {
  if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function.')
  const run = carry(callback)
  nativeQueue(() => {
    try {
      run(...args)
    } catch (error) {
      invocation.uncaught(error)
    }
  })
}
