/** FormData (XMLHttpRequest Standard, 4). */
import { Blob, File } from './blob.js'
import { defineGlobals, webInterface } from './define.js'

export class FormData {
  /** @type {[string, string | File][]} */
  #entries = []

  constructor(form = undefined) {
    if (form !== undefined) throw new TypeError('There are no forms here: FormData takes no argument')
  }
  append(name, value, filename = undefined) {
    needs(arguments, 2)
    this.#entries.push(entry(arguments.length > 2, name, value, filename))
  }
  set(name, value, filename = undefined) {
    needs(arguments, 2)
    const made = entry(arguments.length > 2, name, value, filename)
    const first = this.#entries.findIndex(([known]) => known === made[0])
    if (first === -1) this.#entries.push(made)
    else
      this.#entries = this.#entries.flatMap((each, at) => (at === first ? [made] : each[0] === made[0] ? [] : [each]))
  }
  delete(name) {
    needs(arguments, 1)
    this.#entries = this.#entries.filter(([known]) => known !== text(name))
  }
  get(name) {
    needs(arguments, 1)
    return this.#entries.find(([known]) => known === text(name))?.[1] ?? null
  }
  getAll(name) {
    needs(arguments, 1)
    return this.#entries.filter(([known]) => known === text(name)).map(([, value]) => value)
  }
  has(name) {
    needs(arguments, 1)
    return this.#entries.some(([known]) => known === text(name))
  }
  forEach(callback, thisArg = undefined) {
    for (const [name, value] of this) callback.call(thisArg, value, name, this)
  }
  *entries() {
    // By index: what is appended meanwhile is seen.
    for (let at = 0; at < this.#entries.length; at++) yield [...this.#entries[at]]
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
}

const text = (value) => String(value).toWellFormed()

function needs(given, count) {
  if (given.length < count)
    throw new TypeError(
      `FormData: ${count} argument${count > 1 ? 's' : ''} required, but only ${given.length} present.`,
    )
}

function entry(named, name, value, filename) {
  if (!(value instanceof Blob)) {
    if (named) throw new TypeError('FormData: a value with a file name must be a Blob')
    return [text(name), text(value)]
  }
  if (value instanceof File && !named) return [text(name), value]
  const called = named ? text(filename) : 'blob'
  const modified = value instanceof File ? { lastModified: value.lastModified } : {}
  return [text(name), new File([value], called, { type: value.type, ...modified })]
}

webInterface(FormData, 'FormData', [
  'append',
  'set',
  'delete',
  'get',
  'getAll',
  'has',
  'forEach',
  'entries',
  'keys',
  'values',
])
defineGlobals({ FormData })
