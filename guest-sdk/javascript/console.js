/** console, with the line format of Lambda's Node.js runtime: time, request id, level and message between tabs. */
import { format, inspect } from './inspect.js'
import { invocation, monotonicMs } from './invocation.js'
import { writeError, writeOut } from './output.js'

const counts = new Map()
const timers = new Map()
let indent = ''

function line(level, write, values) {
  let message = format(...values)
  if (indent !== '') message = indent + message.replaceAll('\n', `\n${indent}`)
  write(`${new Date().toISOString()}\t${invocation.requestId}\t${level}\t${message}\n`)
}

const log = (...values) => line('INFO', writeOut, values)
const warn = (...values) => line('WARN', writeError, values)

export const console = {
  log,
  info: log,
  debug: (...values) => line('DEBUG', writeOut, values),
  warn,
  error: (...values) => line('ERROR', writeError, values),
  fatal: (...values) => line('FATAL', writeError, values),
  trace(...values) {
    const name = values.length === 0 ? 'Trace' : `Trace: ${format(...values)}`
    const at = new Error('trace').stack.split('\n').slice(2)
    line('TRACE', writeError, ['%s', [name, ...at].join('\n')])
  },
  assert(condition, ...values) {
    if (!condition) warn(...(values.length === 0 ? ['Assertion failed'] : ['Assertion failed:', ...values]))
  },
  dir: (value) => log('%s', inspect(value)),
  dirxml: log,
  table: (value) => log('%s', inspect(value)),
  count(label = 'default') {
    counts.set(label, (counts.get(label) ?? 0) + 1)
    log('%s: %d', label, counts.get(label))
  },
  countReset: (label = 'default') => void counts.delete(label),
  time: (label = 'default') => void timers.set(label, monotonicMs()),
  timeLog: (label = 'default', ...values) => elapsed(label, values),
  timeEnd(label = 'default') {
    elapsed(label, [])
    timers.delete(label)
  },
  group(...values) {
    if (values.length > 0) log(...values)
    indent += '  '
  },
  groupCollapsed: (...values) => console.group(...values),
  groupEnd() {
    indent = indent.slice(2)
  },
}

function elapsed(label, values) {
  const since = timers.get(label)
  if (since === undefined) return warn('No such label %s', `'${label}'`)
  log('%s: %sms', label, (monotonicMs() - since).toFixed(3), ...values)
}
