/** node:assert. */
const { inspect } = require('../inspect.js')
const { isDeepEqual } = require('./deep_equal.cjs')

class AssertionError extends Error {
  constructor({ message, actual, expected, operator, stackStartFn } = {}) {
    super(message ?? `${inspect(actual)} ${operator} ${inspect(expected)}`)
    this.name = 'AssertionError'
    this.code = 'ERR_ASSERTION'
    this.generatedMessage = message === undefined
    this.actual = actual
    this.expected = expected
    this.operator = operator
    if (stackStartFn !== undefined) Error.captureStackTrace?.(this, stackStartFn)
  }
}

/** Throws the author's own error if that is what `message` is. */
function check(passed, actual, expected, message, operator, fallback) {
  if (passed) return
  if (message instanceof Error) throw message
  const error = new AssertionError({ message: message ?? fallback, actual, expected, operator })
  error.generatedMessage = message === undefined
  throw error
}

const versus = (head, actual, expected) => `${head}\n\n${inspect(actual)}\n\nshould equal\n\n${inspect(expected)}\n`

function assert(value, message) {
  const fallback =
    arguments.length === 0 ? 'No value argument passed to `assert.ok()`' : 'The expression evaluated to a falsy value'
  check(value, value, true, message, '==', fallback)
}

function fail(message = 'Failed') {
  if (message instanceof Error) throw message
  const error = new AssertionError({ message, operator: 'fail' })
  error.generatedMessage = message === 'Failed'
  throw error
}

function strictEqual(actual, expected, message) {
  check(
    Object.is(actual, expected),
    actual,
    expected,
    message,
    'strictEqual',
    versus('Expected values to be strictly equal:', actual, expected),
  )
}
function notStrictEqual(actual, expected, message) {
  check(
    !Object.is(actual, expected),
    actual,
    expected,
    message,
    'notStrictEqual',
    `Expected "actual" to be strictly unequal to: ${inspect(expected)}`,
  )
}
function deepStrictEqual(actual, expected, message) {
  check(
    isDeepEqual(actual, expected, true),
    actual,
    expected,
    message,
    'deepStrictEqual',
    versus('Expected values to be strictly deep-equal:', actual, expected),
  )
}
function notDeepStrictEqual(actual, expected, message) {
  check(
    !isDeepEqual(actual, expected, true),
    actual,
    expected,
    message,
    'notDeepStrictEqual',
    `Expected "actual" not to be strictly deep-equal to: ${inspect(expected)}`,
  )
}
// oxlint-disable-next-line eqeqeq
const loose = (a, b) => a == b || (Number.isNaN(a) && Number.isNaN(b))
function equal(actual, expected, message) {
  check(loose(actual, expected), actual, expected, message, '==')
}
function notEqual(actual, expected, message) {
  check(!loose(actual, expected), actual, expected, message, '!=')
}
function deepEqual(actual, expected, message) {
  check(
    isDeepEqual(actual, expected, false),
    actual,
    expected,
    message,
    'deepEqual',
    versus('Expected values to be loosely deep-equal:', actual, expected),
  )
}
function notDeepEqual(actual, expected, message) {
  check(
    !isDeepEqual(actual, expected, false),
    actual,
    expected,
    message,
    'notDeepEqual',
    `Expected "actual" not to be loosely deep-equal to: ${inspect(expected)}`,
  )
}

/** Whether what was thrown is what was asked for: a class, a pattern, a function, or an object of properties. */
function matches(error, expected, message) {
  if (expected === undefined) return
  if (expected instanceof RegExp) {
    check(
      expected.test(String(error)),
      error,
      expected,
      message,
      'throws',
      `The input did not match the regular expression ${expected}. Input: ${inspect(String(error))}`,
    )
  } else if (typeof expected === 'function') {
    if (expected.prototype !== undefined && error instanceof expected) return
    if (expected === Error || Object.prototype.isPrototypeOf.call(Error, expected)) throw error
    check(
      expected.call({}, error) === true,
      error,
      expected,
      message,
      'throws',
      'The function did not return "true" for the error',
    )
  } else {
    for (const key of expected instanceof Error
      ? ['name', 'message', ...Object.keys(expected)]
      : Object.keys(expected)) {
      const [actual, wanted] = [error?.[key], expected[key]]
      const same =
        wanted instanceof RegExp && typeof actual === 'string' ? wanted.test(actual) : isDeepEqual(actual, wanted, true)
      check(
        same,
        error,
        expected,
        message,
        'throws',
        versus(`Expected property ${inspect(key)} of the error:`, actual, wanted),
      )
    }
  }
}

const withMessage = (expected, message) => (typeof expected === 'string' ? [undefined, expected] : [expected, message])
const missing = (what, expected, message) =>
  new AssertionError({
    message: `Missing expected ${what}${expected?.name ? ` (${expected.name})` : ''}${message === undefined ? '.' : `: ${message}`}`,
    expected,
    operator: what === 'exception' ? 'throws' : 'rejects',
  })

function throws(run, expected = undefined, message = undefined) {
  const [wanted, text] = withMessage(expected, message)
  try {
    run()
  } catch (error) {
    return matches(error, wanted, text)
  }
  throw missing('exception', wanted, text)
}

async function rejects(promiseOrRun, expected = undefined, message = undefined) {
  const [wanted, text] = withMessage(expected, message)
  let result
  try {
    result = await (typeof promiseOrRun === 'function' ? promiseOrRun() : promiseOrRun)
  } catch (error) {
    return matches(error, wanted, text)
  }
  void result
  throw missing('rejection', wanted, text)
}

const unwanted = (what, error, message) =>
  new AssertionError({
    message: `Got unwanted ${what}${message === undefined ? '.' : `: ${message}`}\nActual message: "${error?.message}"`,
    actual: error,
    operator: what === 'exception' ? 'doesNotThrow' : 'doesNotReject',
  })

function doesNotThrow(run, expected = undefined, message = undefined) {
  try {
    run()
  } catch (error) {
    throw unwanted('exception', error, withMessage(expected, message)[1])
  }
}

async function doesNotReject(promiseOrRun, expected = undefined, message = undefined) {
  try {
    await (typeof promiseOrRun === 'function' ? promiseOrRun() : promiseOrRun)
  } catch (error) {
    throw unwanted('rejection', error, withMessage(expected, message)[1])
  }
}

function ifError(value) {
  if (value === null || value === undefined) return
  throw new AssertionError({
    message: `ifError got unwanted exception: ${value.message ?? inspect(value)}`,
    actual: value,
    expected: null,
    operator: 'ifError',
  })
}

function match(text, pattern, message) {
  check(
    typeof text === 'string' && pattern.test(text),
    text,
    pattern,
    message,
    'match',
    `The input did not match the regular expression ${pattern}. Input: ${inspect(text)}`,
  )
}
function doesNotMatch(text, pattern, message) {
  check(
    typeof text === 'string' && !pattern.test(text),
    text,
    pattern,
    message,
    'doesNotMatch',
    `The input was expected to not match the regular expression ${pattern}. Input: ${inspect(text)}`,
  )
}

const shared = {
  AssertionError,
  fail,
  throws,
  rejects,
  doesNotThrow,
  doesNotReject,
  ifError,
  match,
  doesNotMatch,
  strictEqual,
  notStrictEqual,
  deepStrictEqual,
  notDeepStrictEqual,
}
const strict = Object.assign((...args) => assert(...args), {
  ...shared,
  ok: assert,
  equal: strictEqual,
  notEqual: notStrictEqual,
  deepEqual: deepStrictEqual,
  notDeepEqual: notDeepStrictEqual,
})
strict.strict = strict
module.exports = Object.assign(assert, { ...shared, ok: assert, equal, notEqual, deepEqual, notDeepEqual, strict })
