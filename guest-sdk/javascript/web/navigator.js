/** navigator.userAgent, by which libraries tell where they run. */
import { defineGlobals } from './define.js'

class Navigator {
  get userAgent() {
    return 'Thaw'
  }
}

Object.defineProperty(Navigator.prototype, Symbol.toStringTag, { value: 'Navigator', configurable: true })
export const navigator = new Navigator()
defineGlobals({ navigator })
