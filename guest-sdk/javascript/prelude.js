/**
 * Evaluated before the function's own code: the globals that Node has and QuickJS lacks. Those that are large come only
 * with a function that mentions them (src/build/languages/guest-globals.ts, web/).
 */
import { console } from './console.js'
import { reserveRoom } from './heap.js'
import { process } from './process.js'
import { crypto, mathRandom } from './random.js'
import { clearTimeout, queueTick, setImmediate, setInterval, setTimeout } from './timers.js'
import { originalPlace } from './source-map.js'
import { performance } from './performance.js'

const globals = {
  global: globalThis,
  self: globalThis,
  console,
  process,
  crypto,
  performance,
  setTimeout,
  setInterval,
  setImmediate,
  clearTimeout,
  clearInterval: clearTimeout,
  clearImmediate: clearTimeout,
  queueMicrotask: (callback) => queueTick(callback),
}
for (const [name, value] of Object.entries(globals)) define(globalThis, name, value)
define(Math, 'random', mathRandom)
// An accessor in QuickJS: it takes effect by assignment only.
Error.prepareStackTrace = prepareStackTrace

reserveRoom()

function define(target, name, value) {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false })
}

/** V8's form of `error.stack`, which begins with the error itself; QuickJS gives only the frames. */
function prepareStackTrace(error, frames) {
  let text
  try {
    text = String(error)
  } catch {
    text = 'Error'
  }
  let made
  for (const frame of frames) {
    const given = frame.getFunctionName()
    // What the builder has put around an async function is nobody's.
    const name = given?.startsWith('$async_') ? given.slice(7) : given
    const around = made !== undefined && made === (name ?? '')
    made = name === given ? undefined : name
    if (around) continue
    const where = frame.isNative()
      ? 'native'
      : originalPlace(frame.getFileName(), frame.getLineNumber(), frame.getColumnNumber())
    text += name ? `\n    at ${name} (${where})` : `\n    at ${where}`
  }
  return text
}
