/** What a function threw, as Lambda's Node.js runtime reports it. */

const isError = (value) => value instanceof Error || (value?.name && value.message && typeof value.stack === 'string')

/** Code written for Node takes it for granted: the engine's words alone would read like a misspelling. */
const explained = (name, message) =>
  name === 'ReferenceError' && /^'?Intl'? is not defined$/.test(message)
    ? `${message}: Intl is not available in QuickJS, which runs JavaScript in Thaw`
    : message

/** @returns {{ errorType: string, errorMessage: string, trace: string[] }} strings well-formed, as WIT wants them */
export function failureOf(thrown) {
  try {
    if (!isError(thrown)) {
      return { errorType: typeof thrown, errorMessage: String(thrown).toWellFormed(), trace: [] }
    }
    return {
      errorType: String(thrown.name).toWellFormed(),
      errorMessage: explained(thrown.name, String(thrown.message).toWellFormed()),
      trace: String(thrown.stack ?? '')
        .toWellFormed()
        .split('\n'),
    }
  } catch {
    const errorMessage =
      'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack'
    return { errorType: 'handled', errorMessage, trace: [] }
  }
}

/** An error of the runtime's own, by Lambda's names. */
export function runtimeError(name, message) {
  const error = new Error(message)
  error.name = name
  return error
}

/** Lambda's error for a promise that was rejected and that nobody handled; the trace goes on with the reason's frames. */
export function unhandledRejection(reason) {
  const { errorType, errorMessage, trace } = failureOf(reason)
  const error = runtimeError(
    'Runtime.UnhandledPromiseRejection',
    isError(reason) ? `${errorType}: ${errorMessage}` : errorMessage,
  )
  const frames = trace.filter((line) => line.startsWith('    at '))
  error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n')
  return error
}
