/** The handler that a module exports. */
import { runtimeError } from './failure.js'
import { invocation } from './invocation.js'

/** Errors: `Runtime.HandlerNotFound`. */
export function findHandler(module, moduleName, exportName) {
  let value = module
  for (const name of exportName.split('.')) value = value?.[name]
  // CommonJS: `module.exports.handler` is there by name; a whole `module.exports = {...}` is the default export.
  if (value === undefined) {
    value = module.default
    for (const name of exportName.split('.')) value = value?.[name]
  }
  if (value === undefined || value === null) {
    throw runtimeError('Runtime.HandlerNotFound', `${moduleName}.${exportName} is undefined or not exported`)
  }
  if (typeof value !== 'function') {
    throw runtimeError('Runtime.HandlerNotFound', `${moduleName}.${exportName} is not a function`)
  }
  return invocation.streamed?.(value) ?? value
}
