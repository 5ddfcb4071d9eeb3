/** Event, CustomEvent and EventTarget (DOM, 2) where there is no tree: an event has one target and never bubbles. */
import { invocation, monotonicMs } from '../invocation.js'
import { performance } from '../performance.js'
import { defineGlobals, webInterface } from './define.js'

const phases = { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 }

/** An event's state, which only dispatch may change: target, phase, flags. */
let stateOf

export class Event {
  #state
  constructor(type, options = undefined) {
    if (arguments.length === 0) throw new TypeError('Event: 1 argument required, but only 0 present')
    if (options !== undefined && options !== null && typeof options !== 'object' && typeof options !== 'function') {
      throw new TypeError('Event: the second argument must be an object')
    }
    this.#state = {
      type: String(type),
      bubbles: Boolean(options?.bubbles),
      cancelable: Boolean(options?.cancelable),
      composed: Boolean(options?.composed),
      target: null,
      phase: phases.NONE,
      canceled: false,
      stopped: false,
      stoppedAtOnce: false,
      passive: false,
      // In init there is no invocation whose time it could be.
      timeStamp: invocation.live ? performance.now() : monotonicMs(),
    }
  }
  get type() {
    return this.#state.type
  }
  get target() {
    return this.#state.target
  }
  get srcElement() {
    return this.#state.target
  }
  get currentTarget() {
    return this.#state.phase === phases.NONE ? null : this.#state.target
  }
  get eventPhase() {
    return this.#state.phase
  }
  get bubbles() {
    return this.#state.bubbles
  }
  get cancelable() {
    return this.#state.cancelable
  }
  get composed() {
    return this.#state.composed
  }
  get defaultPrevented() {
    return this.#state.canceled
  }
  get returnValue() {
    return !this.#state.canceled
  }
  set returnValue(value) {
    if (!value) this.preventDefault()
  }
  get cancelBubble() {
    return this.#state.stopped
  }
  set cancelBubble(value) {
    if (value) this.#state.stopped = true
  }
  get timeStamp() {
    return this.#state.timeStamp
  }
  get isTrusted() {
    return false
  }
  composedPath() {
    return this.#state.phase === phases.NONE ? [] : [this.#state.target]
  }
  stopPropagation() {
    this.#state.stopped = true
  }
  stopImmediatePropagation() {
    this.#state.stopped = true
    this.#state.stoppedAtOnce = true
  }
  preventDefault() {
    if (this.#state.cancelable && !this.#state.passive) this.#state.canceled = true
  }
  initEvent(type, bubbles = false, cancelable = false) {
    if (this.#state.phase !== phases.NONE) return
    Object.assign(this.#state, {
      type: String(type),
      bubbles: Boolean(bubbles),
      cancelable: Boolean(cancelable),
      target: null,
      canceled: false,
      stopped: false,
      stoppedAtOnce: false,
    })
  }
  static {
    stateOf = (event) => event.#state
  }
}
for (const [name, value] of Object.entries(phases)) {
  Object.defineProperty(Event, name, { value, enumerable: true })
  Object.defineProperty(Event.prototype, name, { value, enumerable: true })
}

export class CustomEvent extends Event {
  #detail
  constructor(type, options = undefined) {
    super(...arguments)
    this.#detail = options?.detail ?? null
  }
  get detail() {
    return this.#detail
  }
}

/** The `on...` attribute of a target: a listener that keeps its place when it is replaced. */
export let attributeOf
export let setAttributeOf

export class EventTarget {
  /** By type, in the order of adding. @type {Map<string, Listener[]>} */
  #listeners = new Map()
  /** What `on...` attributes hold. */
  #attributes = new Map()

  addEventListener(type, callback, options = undefined) {
    if (arguments.length < 2) throw new TypeError('addEventListener: 2 arguments required')
    if (callback !== null && callback !== undefined && typeof callback !== 'object' && typeof callback !== 'function') {
      throw new TypeError('addEventListener: the listener must be a function or an object')
    }
    const { capture, once, passive, signal } = flattened(options)
    if (signal === null || (signal !== undefined && typeof signal.addEventListener !== 'function')) {
      throw new TypeError('addEventListener: the signal must be an AbortSignal')
    }
    if (signal?.aborted || callback === null || callback === undefined) return
    const listeners = this.#listeners.get(String(type)) ?? []
    if (listeners.some((known) => known.callback === callback && known.capture === capture)) return
    const listener = { callback, capture, once, passive, removed: false }
    // A new list each time: a dispatch under way goes on with the old one.
    this.#listeners.set(String(type), [...listeners, listener])
    signal?.addEventListener('abort', () => this.#remove(String(type), listener), { once: true })
  }
  removeEventListener(type, callback, options = undefined) {
    if (arguments.length < 2) throw new TypeError('removeEventListener: 2 arguments required')
    const { capture } = flattened(options)
    const listeners = this.#listeners.get(String(type)) ?? []
    const found = listeners.find((known) => known.callback === callback && known.capture === capture)
    if (found !== undefined) this.#remove(String(type), found)
  }
  dispatchEvent(event) {
    if (!(event instanceof Event)) throw new TypeError('dispatchEvent: the argument must be an Event')
    const state = stateOf(event)
    if (state.phase !== phases.NONE)
      throw new DOMException('The event is already being dispatched', 'InvalidStateError')
    state.target = this
    state.phase = phases.AT_TARGET
    const listeners = this.#listeners.get(state.type) ?? []
    // Capturing listeners first; each kind is a step of its own, which a stopped event does not begin.
    for (const capture of [true, false]) {
      if (state.stopped) break
      for (const listener of listeners) {
        if (state.stoppedAtOnce) break
        if (listener.removed || listener.capture !== capture) continue
        if (listener.once) this.#remove(state.type, listener)
        state.passive = listener.passive
        call(listener.callback, this, event)
        state.passive = false
      }
    }
    state.phase = phases.NONE
    state.stopped = false
    state.stoppedAtOnce = false
    return !state.canceled
  }

  #remove(type, listener) {
    listener.removed = true
    const rest = (this.#listeners.get(type) ?? []).filter((known) => known !== listener)
    if (rest.length > 0) this.#listeners.set(type, rest)
    else this.#listeners.delete(type)
  }

  static {
    attributeOf = (target, type) => target.#attributes.get(type)?.callback ?? null
    setAttributeOf = (target, type, callback) => {
      const known = target.#attributes.get(type)
      const usable = typeof callback === 'function' || (typeof callback === 'object' && callback !== null)
      if (!usable) {
        if (known !== undefined) target.removeEventListener(type, known.listener)
        target.#attributes.delete(type)
      } else if (known !== undefined) known.callback = callback
      else {
        const attribute = { callback, listener: undefined }
        attribute.listener = function (event) {
          if (typeof attribute.callback === 'function') attribute.callback.call(this, event)
        }
        target.#attributes.set(type, attribute)
        target.addEventListener(type, attribute.listener)
      }
    }
  }
}

function flattened(options) {
  if (options === null || (typeof options !== 'object' && typeof options !== 'function')) {
    return { capture: Boolean(options), once: false, passive: false, signal: undefined }
  }
  const { capture, once, passive, signal } = options
  return { capture: Boolean(capture), once: Boolean(once), passive: Boolean(passive), signal }
}

/** What a listener throws is nobody's to catch: the others run all the same, and the invocation fails. */
function call(callback, target, event) {
  try {
    if (typeof callback === 'function') callback.call(target, event)
    else callback.handleEvent(event)
  } catch (error) {
    invocation.uncaught(error)
  }
}

webInterface(Event, 'Event', [
  'type',
  'target',
  'currentTarget',
  'eventPhase',
  'bubbles',
  'cancelable',
  'composed',
  'defaultPrevented',
  'timeStamp',
  'composedPath',
  'stopPropagation',
  'stopImmediatePropagation',
  'preventDefault',
])
webInterface(CustomEvent, 'CustomEvent', ['detail'])
webInterface(EventTarget, 'EventTarget', ['addEventListener', 'removeEventListener', 'dispatchEvent'])
defineGlobals({ Event, EventTarget, CustomEvent })
