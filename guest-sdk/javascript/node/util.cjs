/** node:util, on the console's own inspect and format. */
require('../web/text.js')
const { format, inspect: show, inspectCustom } = require('../inspect.js')
const { queueTick } = require('../timers.js')
const { process } = require('../process.js')
const { isDeepEqual } = require('./deep_equal.cjs')
const types = require('./util_types.cjs')

const promisifyCustom = Symbol.for('nodejs.util.promisify.custom')

/** @param {unknown} value @param {{ depth?: number | null } | boolean} [options] as in Node; or the old (showHidden, depth) */
function inspect(value, options = {}, depth = undefined) {
  const wanted = typeof options === 'object' && options !== null ? options.depth : depth
  return show(value, wanted === null ? Infinity : wanted)
}
inspect.custom = inspectCustom
inspect.defaultOptions = { depth: 2 }

function promisify(original) {
  if (typeof original !== 'function') throw invalid('original', 'function', original)
  if (original[promisifyCustom] !== undefined) return original[promisifyCustom]
  function promisified(...args) {
    return new Promise((resolve, reject) => {
      original.call(this, ...args, (error, ...values) => {
        if (error) reject(error)
        else resolve(values[0])
      })
    })
  }
  Object.setPrototypeOf(promisified, Object.getPrototypeOf(original))
  Object.defineProperty(promisified, promisifyCustom, { value: promisified, configurable: true })
  return Object.defineProperties(promisified, Object.getOwnPropertyDescriptors(original))
}
promisify.custom = promisifyCustom

function callbackify(original) {
  if (typeof original !== 'function') throw invalid('original', 'function', original)
  return function (...args) {
    const callback = args.pop()
    if (typeof callback !== 'function') throw invalid('last argument', 'function', callback)
    void answer(original.apply(this, args), callback)
  }
}

async function answer(promise, callback) {
  try {
    queueTick(callback, null, await promise)
  } catch (reason) {
    queueTick(callback, reason || Object.assign(new Error('Promise was rejected with falsy value'), { reason }))
  }
}

function inherits(constructor, parent) {
  Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true })
  Object.setPrototypeOf(constructor.prototype, parent.prototype)
}

function deprecate(run, message, code = undefined) {
  let warned = false
  return function (...args) {
    if (!warned) process.emitWarning(code === undefined ? message : `[${code}] ${message}`)
    warned = true
    return new.target ? Reflect.construct(run, args, new.target) : run.apply(this, args)
  }
}

function debuglog(section) {
  const enabled = () => new RegExp(`(?:^|,)${section}(?:,|$)`, 'i').test(process.env.NODE_DEBUG ?? '')
  const log = (...values) => {
    if (enabled()) globalThis.console.error(`${section.toUpperCase()} 1: ${format(...values)}`)
  }
  return Object.defineProperty(log, 'enabled', { get: enabled })
}

const invalid = (name, type, value) =>
  Object.assign(new TypeError(`The "${name}" argument must be of type ${type}. Received ${show(value)}`), {
    code: 'ERR_INVALID_ARG_TYPE',
  })

// oxlint-disable-next-line no-control-regex
const controls = /[\u001b\u009b][[\]()#;?]*(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]/g

module.exports = {
  inspect,
  format,
  formatWithOptions: (_options, ...values) => format(...values),
  promisify,
  callbackify,
  inherits,
  deprecate,
  debuglog,
  debug: debuglog,
  types,
  isDeepStrictEqual: (left, right) => isDeepEqual(left, right, true),
  stripVTControlCharacters: (text) => String(text).replaceAll(controls, ''),
  styleText: (_style, text) => String(text),
  toUSVString: (text) => String(text).toWellFormed(),
  TextEncoder: globalThis.TextEncoder,
  TextDecoder: globalThis.TextDecoder,
  isArray: Array.isArray,
  isError: (value) => value instanceof Error,
  isDate: types.isDate,
  isRegExp: types.isRegExp,
  isFunction: (value) => typeof value === 'function',
  isString: (value) => typeof value === 'string',
  isNumber: (value) => typeof value === 'number',
  isBoolean: (value) => typeof value === 'boolean',
  isObject: (value) => typeof value === 'object' && value !== null,
  isNull: (value) => value === null,
  isUndefined: (value) => value === undefined,
  isNullOrUndefined: (value) => value === null || value === undefined,
}
