/** Headers (Fetch Standard, 5.1). A server's: no header name is forbidden. */
import { defineGlobals, webInterface } from './define.js'

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// oxlint-disable-next-line no-control-regex
const invalidValue = /[\0\r\n]|[^\0-\xff]/

let freeze
/** No more changes: what a network answered, or `Response.redirect` made. */
export const immutable = (headers) => freeze(headers)

export class Headers {
  /** By name in lower case, in the order in which they came. @type {Map<string, string[]>} */
  #values = new Map()
  #frozen = false

  constructor(init = undefined) {
    if (init === undefined) return
    if (init === null || (typeof init !== 'object' && typeof init !== 'function')) {
      throw new TypeError('Headers: the argument must be a sequence of pairs or a record')
    }
    if (typeof init[Symbol.iterator] === 'function') {
      for (const pair of init) {
        const [name, value, ...more] = typeof pair === 'object' && pair !== null ? [...pair] : []
        if (value === undefined || more.length > 0) throw new TypeError('Headers: each pair must be a name and a value')
        this.append(name, value)
      }
    } else {
      for (const name of Reflect.ownKeys(init)) {
        if (Object.getOwnPropertyDescriptor(init, name)?.enumerable !== true) continue
        if (typeof name === 'symbol') throw new TypeError('Headers: a name is no symbol')
        this.append(name, init[name])
      }
    }
  }
  append(name, value) {
    const key = nameOf(name, arguments.length, 2)
    const text = valueOf(key, value)
    this.#assertMutable()
    const known = this.#values.get(key)
    if (known === undefined) this.#values.set(key, [text])
    else known.push(text)
  }
  set(name, value) {
    const key = nameOf(name, arguments.length, 2)
    const text = valueOf(key, value)
    this.#assertMutable()
    this.#values.set(key, [text])
  }
  delete(name) {
    const key = nameOf(name, arguments.length, 1)
    this.#assertMutable()
    this.#values.delete(key)
  }
  get(name) {
    return this.#values.get(nameOf(name, arguments.length, 1))?.join(', ') ?? null
  }
  has(name) {
    return this.#values.has(nameOf(name, arguments.length, 1))
  }
  getSetCookie() {
    return [...(this.#values.get('set-cookie') ?? [])]
  }
  forEach(callback, thisArg = undefined) {
    if (typeof callback !== 'function') throw new TypeError('Headers.forEach: the callback must be a function')
    for (const [name, value] of this) callback.call(thisArg, value, name, this)
  }
  *entries() {
    // By position in the list as it is at each step, as the standard has it for changes meanwhile.
    for (let at = 0; ; at++) {
      const entry = this.#sorted()[at]
      if (entry === undefined) return
      yield entry
    }
  }
  *keys() {
    for (const [name] of this.entries()) yield name
  }
  *values() {
    for (const [, value] of this.entries()) yield value
  }
  [Symbol.iterator]() {
    return this.entries()
  }

  /** Sorted by name, values of a name joined, but each Set-Cookie alone. */
  #sorted() {
    return [...this.#values.keys()]
      .sort()
      .flatMap((name) =>
        name === 'set-cookie'
          ? this.#values.get(name).map((value) => [name, value])
          : [[name, this.#values.get(name).join(', ')]],
      )
  }
  #assertMutable() {
    if (this.#frozen) throw new TypeError('These headers are immutable')
  }

  static {
    freeze = (headers) => {
      headers.#frozen = true
    }
  }
}

/** In lower case; `given` is how many arguments there were of those that must be. */
function nameOf(name, given, needed) {
  if (given < needed) {
    throw new TypeError(`Headers: ${needed} argument${needed > 1 ? 's' : ''} required, but only ${given} present`)
  }
  const text = String(name)
  if (!token.test(text)) throw new TypeError(`Header name ${JSON.stringify(text)} is not valid`)
  return text.toLowerCase()
}

function valueOf(name, value) {
  const text = String(value).replaceAll(/^[\t\n\r ]+|[\t\n\r ]+$/g, '')
  if (invalidValue.test(text)) throw new TypeError(`The value of header ${JSON.stringify(name)} is not valid`)
  return text
}

webInterface(Headers, 'Headers', [
  'append',
  'delete',
  'get',
  'getSetCookie',
  'has',
  'set',
  'forEach',
  'entries',
  'keys',
  'values',
])
defineGlobals({ Headers })
