/** Evaluated before the function's own code: the globals that Node has and QuickJS lacks. */
import { console } from './console.js'
import { process } from './process.js'
import { crypto, mathRandom } from './random.js'
import { clearTimeout, setImmediate, setInterval, setTimeout } from './timers.js'
import { performance, structuredClone, TextDecoder, TextEncoder } from './web.js'

const globals = {
  global: globalThis,
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
  structuredClone,
  TextDecoder,
  TextEncoder,
}
for (const [name, value] of Object.entries(globals)) define(globalThis, name, value)
define(Math, 'random', mathRandom)
// An accessor in QuickJS: it takes effect by assignment only.
Error.prepareStackTrace = prepareStackTrace

// Take memory once and give it back, so that an ordinary invocation finds room and does not grow the linear memory:
// an instance that has grown cannot be reset. (Used, or the bundler would drop it.)
if (new ArrayBuffer(1_572_864).byteLength === 0) throw new RangeError('No memory')

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
  for (const frame of frames) {
    const name = frame.getFunctionName()
    const where = frame.isNative()
      ? 'native'
      : `${frame.getFileName()}:${frame.getLineNumber()}:${frame.getColumnNumber()}`
    text += name ? `\n    at ${name} (${where})` : `\n    at ${where}`
  }
  return text
}
