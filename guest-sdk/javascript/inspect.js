/** Values as text, in the shape of Node's util.inspect and util.format: what people expect to read in a log. */
const maxDepth = 2
const maxItems = 100
const maxInlineLength = 72
const boxed = new Set(['[object Number]', '[object String]', '[object Boolean]'])
const identifier = /^[A-Za-z_$][\w$]*$/
/** Under which an object says itself how it is shown. */
export const inspectCustom = Symbol.for('nodejs.util.inspect.custom')

export function inspect(value, depth = maxDepth) {
  return show(value, 0, depth, [])
}

function show(value, level, depth, seen) {
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'symbol':
      return value.toString()
    case 'function':
      return showFunction(value)
    case 'object':
      return value === null ? 'null' : showObject(value, level, depth, seen)
    default:
      return String(value)
  }
}

function quote(text) {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes('`') ? '`' : "'"
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')
  return (
    mark + (mark === '"' || mark === '`' || !escaped.includes("'") ? escaped : escaped.replaceAll("'", "\\'")) + mark
  )
}

function showFunction(value) {
  const kind = /^class\b/.test(Function.prototype.toString.call(value)) ? 'class' : 'Function'
  if (kind === 'class') return `[class ${value.name || '(anonymous)'}]`
  return value.name ? `[Function: ${value.name}]` : '[Function (anonymous)]'
}

function showObject(value, level, depth, seen) {
  if (seen.includes(value)) return '[Circular *1]'
  if (typeof value[inspectCustom] === 'function') {
    const shown = value[inspectCustom](depth - level, {}, inspect)
    if (shown !== value) return typeof shown === 'string' ? shown : show(shown, level, depth, [...seen, value])
  }
  if (value instanceof Error) return showError(value, level, depth, seen)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof RegExp) return String(value)
  if (value instanceof Promise) return 'Promise { <unknown> }'
  const name = value.constructor?.name ?? '[Object: null prototype]'
  if (level > depth) return Array.isArray(value) ? '[Array]' : `[${name}]`
  const inner = [...seen, value]
  const next = (item) => show(item, level + 1, depth, inner)
  if (Array.isArray(value)) return list(value, next, '', '[', ']', entriesOf(value, next, true))
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return list(value, next, `${name}(${value.length}) `, '[', ']', [])
  }
  if (value instanceof ArrayBuffer) return `ArrayBuffer { byteLength: ${value.byteLength} }`
  if (value instanceof Map) {
    const items = [...value].map(([key, item]) => `${next(key)} => ${next(item)}`)
    return wrap(items, `Map(${value.size}) `, '{', '}', level)
  }
  if (value instanceof Set) return wrap([...value].map(next), `Set(${value.size}) `, '{', '}', level)
  if (boxed.has(Object.prototype.toString.call(value))) return `[${name}: ${next(value.valueOf())}]`
  return wrap(entriesOf(value, next, false), name === 'Object' ? '' : `${name} `, '{', '}', level)

  function list(items, item, prefix, open, close, extra) {
    const shown = Array.from(items.slice(0, maxItems), item)
    if (items.length > maxItems) shown.push(`... ${items.length - maxItems} more items`)
    return wrap([...shown, ...extra], prefix, open, close, level)
  }
}

function entriesOf(value, next, skipIndexes) {
  const entries = []
  for (const key of Reflect.ownKeys(value)) {
    const property = Reflect.getOwnPropertyDescriptor(value, key)
    if (property?.enumerable !== true || (skipIndexes && /^\d+$/.test(String(key)))) continue
    const name = typeof key === 'symbol' ? `[${String(key)}]` : identifier.test(key) ? key : quote(key)
    const shown = property.get ? (property.set ? '[Getter/Setter]' : '[Getter]') : next(property.value)
    entries.push(`${name}: ${shown}`)
  }
  return entries
}

function showError(error, level, depth, seen) {
  const stack = typeof error.stack === 'string' && error.stack !== '' ? error.stack : `[${error}]`
  const next = (item) => show(item, level + 1, depth, [...seen, error])
  const own = entriesOf(error, next, false)
  if (error.cause !== undefined) own.push(`[cause]: ${next(error.cause)}`)
  return own.length === 0 ? stack : `${stack} ${wrap(own, '', '{', '}', level)}`
}

function wrap(items, prefix, open, close, level) {
  if (items.length === 0) return `${prefix}${open}${close}`
  const length = items.reduce((sum, item) => sum + item.length + 2, prefix.length)
  if (length <= maxInlineLength && !items.some((item) => item.includes('\n'))) {
    const pad = ' '
    return `${prefix}${open}${pad}${items.join(', ')}${pad}${close}`
  }
  const indent = '  '.repeat(level + 1)
  return `${prefix}${open}\n${indent}${items.join(`,\n${indent}`)}\n${'  '.repeat(level)}${close}`
}

/** console.log's arguments: `%s %d %i %f %j %o %O %c %%` in a leading string, then the rest, separated by spaces. */
export function format(...values) {
  const first = values[0]
  if (typeof first === 'string' && values.length === 1) return first
  let next = 0
  let text = ''
  if (typeof first === 'string') {
    next = 1
    text = first.replaceAll(/%[sdifjoOc%]/g, (mark) => {
      if (mark === '%%') return '%'
      if (next >= values.length) return mark
      return substitute(mark, values[next++])
    })
  }
  const rest = values.slice(next).map((value) => (typeof value === 'string' ? value : inspect(value)))
  return next === 0 ? rest.join(' ') : [text, ...rest].join(' ')
}

function substitute(mark, value) {
  switch (mark) {
    case '%s':
      return typeof value === 'string' ? value : typeof value === 'object' ? inspect(value, 0) : show(value, 1, 0, [])
    case '%d':
      return typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : String(Number(value))
    case '%i':
      return typeof value === 'bigint' ? `${value}n` : String(Number.parseInt(String(value), 10))
    case '%f':
      return String(Number.parseFloat(String(value)))
    case '%j':
      try {
        return JSON.stringify(value) ?? 'undefined'
      } catch {
        return '[Circular]'
      }
    case '%c':
      return ''
    default:
      return inspect(value, mark === '%o' ? 4 : maxDepth)
  }
}
