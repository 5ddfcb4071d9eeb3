/** reportError (HTML, 8.1.4.6): an exception nobody catches; here it fails the invocation. */
import { invocation } from '../invocation.js'
import { defineGlobals } from './define.js'

export const reportError = (error) => invocation.uncaught(error)
defineGlobals({ reportError })
