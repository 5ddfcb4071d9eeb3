/** node:timers/promises. */
const timers = require('../timers.js')

function abortError(signal) {
  return Object.assign(new Error('The operation was aborted', { cause: signal.reason }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  })
}

/** `arm` starts a timer that calls what it is given. */
function wait(arm, value, { signal, ref = true } = {}) {
  if (signal?.aborted) return Promise.reject(abortError(signal))
  const { promise, resolve, reject } = Promise.withResolvers()
  const timer = arm(() => resolve(value))
  if (!ref) timer.unref()
  if (signal === undefined) return promise
  const leave = () => {
    timer.close()
    reject(abortError(signal))
  }
  signal.addEventListener('abort', leave, { once: true })
  return promise.finally(() => signal.removeEventListener('abort', leave))
}

const setTimeout = (delay, value, options) => wait((run) => timers.setTimeout(run, delay), value, options)
const setImmediate = (value, options) => wait((run) => timers.setImmediate(run), value, options)

async function* setInterval(delay, value, { signal, ref = true } = {}) {
  let ticks = 0
  let next = Promise.withResolvers()
  const wake = () => next.resolve()
  const timer = timers.setInterval(() => {
    ticks++
    wake()
  }, delay)
  if (!ref) timer.unref()
  signal?.addEventListener('abort', wake, { once: true })
  try {
    for (;;) {
      if (signal?.aborted) throw abortError(signal)
      if (ticks === 0) {
        await next.promise
        next = Promise.withResolvers()
      }
      for (; ticks > 0; ticks--) yield value
    }
  } finally {
    timer.close()
    signal?.removeEventListener('abort', wake)
  }
}

module.exports = {
  setTimeout,
  setImmediate,
  setInterval,
  scheduler: { wait: (delay, options) => setTimeout(delay, undefined, options), yield: () => setImmediate() },
}
