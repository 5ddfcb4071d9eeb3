/** AbortController and AbortSignal (DOM, 3). */
import { setTimeout } from '../timers.js'
import { defineGlobals, webInterface } from './define.js'
import { attributeOf, Event, EventTarget, setAttributeOf } from './events.js'

/** Only this module makes signals. */
const key = Symbol('AbortSignal')

let abort

export class AbortSignal extends EventTarget {
  #aborted = false
  #reason
  /** Signals made of this one by `any`, and what those were made of; never a signal that is itself made so. */
  #dependents = new Set()
  #sources = new Set()
  #dependent = false

  constructor(made) {
    if (made !== key) throw new TypeError('Illegal constructor')
    super()
  }
  get aborted() {
    return this.#aborted
  }
  get reason() {
    return this.#reason
  }
  get onabort() {
    return attributeOf(this, 'abort')
  }
  set onabort(listener) {
    setAttributeOf(this, 'abort', listener)
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(key)
    signal.#aborted = true
    signal.#reason = reason === undefined ? abortError() : reason
    return signal
  }
  /** @param {number} delayMs The timer keeps no function waiting. */
  static timeout(delayMs) {
    const wanted = Number(delayMs)
    if (!Number.isFinite(wanted) || wanted < 0 || wanted > Number.MAX_SAFE_INTEGER) {
      throw new TypeError('The "delay" argument must be between 0 and Number.MAX_SAFE_INTEGER')
    }
    const signal = new AbortSignal(key)
    const expire = () => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
    setTimeout(expire, wanted).unref()
    return signal
  }
  static any(signals) {
    const all = [...signals]
    for (const source of all) {
      if (!(source instanceof AbortSignal)) throw new TypeError('The "signals" argument must be of AbortSignals')
    }
    const signal = new AbortSignal(key)
    const aborted = all.find((source) => source.#aborted)
    if (aborted !== undefined) {
      signal.#aborted = true
      signal.#reason = aborted.#reason
      return signal
    }
    signal.#dependent = true
    for (const source of all) {
      for (const root of source.#dependent ? source.#sources : [source]) {
        signal.#sources.add(root)
        root.#dependents.add(signal)
      }
    }
    return signal
  }

  static {
    abort = (signal, reason) => {
      if (signal.#aborted) return
      // All are aborted before any listener runs.
      const all = [signal, ...[...signal.#dependents].filter((dependent) => !dependent.#aborted)]
      const why = reason === undefined ? abortError() : reason
      for (const each of all) {
        each.#aborted = true
        each.#reason = why
      }
      for (const each of all) each.dispatchEvent(new Event('abort'))
    }
  }
}

const abortError = () => new DOMException('This operation was aborted', 'AbortError')

export class AbortController {
  #signal = new AbortSignal(key)
  get signal() {
    return this.#signal
  }
  abort(reason = undefined) {
    abort(this.#signal, reason)
  }
}

webInterface(AbortSignal, 'AbortSignal', ['aborted', 'reason', 'onabort', 'throwIfAborted'])
webInterface(AbortController, 'AbortController', ['signal', 'abort'])
defineGlobals({ AbortController, AbortSignal })
