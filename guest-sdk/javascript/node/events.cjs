/** node:events: the `events` package, with what Node has had since. */
const EventEmitter = require('events/')

const captured = EventEmitter.once

/** With `signal`, as Node has it. */
function once(emitter, name, options = {}) {
  const { signal } = options
  if (signal === undefined) return captured(emitter, name)
  if (signal.aborted) return Promise.reject(abortError(signal))
  const { promise, resolve, reject } = Promise.withResolvers()
  const leave = () => reject(abortError(signal))
  signal.addEventListener('abort', leave, { once: true })
  captured(emitter, name).then(resolve, reject)
  return promise.finally(() => signal.removeEventListener('abort', leave))
}

/** An async iterator over what is emitted. */
function on(emitter, name, { signal, close = [] } = {}) {
  if (signal?.aborted) throw abortError(signal)
  const events = []
  const waiting = []
  let failure
  let ended = false
  const push = (...values) => {
    if (waiting.length > 0) waiting.shift().resolve({ value: values, done: false })
    else events.push(values)
  }
  const fail = (error) => {
    detach()
    if (waiting.length > 0) waiting.shift().reject(error)
    else failure = { error }
  }
  const end = () => {
    detach()
    ended = true
    for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true })
  }
  const abort = () => fail(abortError(signal))
  function detach() {
    emitter.off(name, push)
    if (name !== 'error') emitter.off('error', fail)
    for (const closing of close) emitter.off(closing, end)
    signal?.removeEventListener('abort', abort)
  }
  emitter.on(name, push)
  if (name !== 'error') emitter.on('error', fail)
  for (const closing of close) emitter.on(closing, end)
  signal?.addEventListener('abort', abort, { once: true })
  return {
    async next() {
      if (events.length > 0) return { value: events.shift(), done: false }
      if (failure !== undefined) {
        const { error } = failure
        failure = undefined
        ended = true
        throw error
      }
      if (ended) return { value: undefined, done: true }
      const waiter = Promise.withResolvers()
      waiting.push(waiter)
      return waiter.promise
    },
    async return() {
      end()
      return { value: undefined, done: true }
    },
    async throw(error) {
      fail(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

function abortError(signal) {
  return Object.assign(new Error('The operation was aborted', { cause: signal.reason }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  })
}

module.exports = Object.assign(EventEmitter, {
  EventEmitter,
  once,
  on,
  captureRejectionSymbol: Symbol.for('nodejs.rejection'),
  errorMonitor: Symbol('events.errorMonitor'),
  getEventListeners: (emitter, name) => emitter.listeners(name),
  getMaxListeners: (emitter) => emitter.getMaxListeners(),
  setMaxListeners(count = EventEmitter.defaultMaxListeners, ...emitters) {
    for (const emitter of emitters) emitter.setMaxListeners?.(count)
  },
})
