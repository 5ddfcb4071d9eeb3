/** Evaluated before the function's own code: the globals that Node has and StarlingMonkey lacks. */
import { console } from '../javascript/console.js'
import { process } from '../javascript/process.js'
import { defineGlobals } from '../javascript/web/define.js'
import './stack.js'
import { clearTimeout, setImmediate, setInterval, setTimeout } from './timers.js'

defineGlobals({
  global: globalThis,
  console,
  process,
  setTimeout,
  setInterval,
  setImmediate,
  clearTimeout,
  clearInterval: clearTimeout,
  clearImmediate: clearTimeout,
})
