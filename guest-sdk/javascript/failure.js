/** What a function threw, as Lambda's Node.js runtime reports it. */

const isError = (value) => value instanceof Error || (value?.name && value.message && typeof value.stack === 'string')

/** @returns {{ errorType: string, errorMessage: string, trace: string[] }} strings well-formed, as WIT wants them */
export function failureOf(thrown) {
  try {
    if (!isError(thrown)) {
      return { errorType: typeof thrown, errorMessage: String(thrown).toWellFormed(), trace: [] }
    }
    return {
      errorType: String(thrown.name).toWellFormed(),
      errorMessage: String(thrown.message).toWellFormed(),
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
