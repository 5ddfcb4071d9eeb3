/**
 * Is this byte stream JSON (RFC 8259)? Answered as the chunks arrive and without building the value: an Invoke body of
 * 6 MB costs JSON.parse tens of milliseconds in one piece, on the thread that runs everybody's guests.
 */

/** States of the automaton; those of strings come twice, as keys and as values, so that no flag is needed. */
const states = [
  'value',
  'array-first',
  'object-first',
  'object-key',
  'colon',
  'after-value',
  ...['key', 'string'].flatMap((kind) => [
    kind,
    `${kind}\\`,
    `${kind}\\u`,
    `${kind}\\u1`,
    `${kind}\\u2`,
    `${kind}\\u3`,
  ]),
  'minus',
  'zero',
  'integer',
  'point',
  'fraction',
  'exponent',
  'exponent-sign',
  'exponent-digits',
  ...['true', 'false', 'null'].flatMap((word) => [1, 2, 3, 4].slice(0, word.length - 1).map((n) => word.slice(0, n))),
] as const

/** Beyond the states: what also looks at, or changes, what the parser is within. */
const OPEN_ARRAY = 0xf0
const OPEN_OBJECT = 0xf1
const CLOSE_ARRAY = 0xf2
const CLOSE_OBJECT = 0xf3
const COMMA = 0xf4
const ERROR = 0xff
const FIRST_ACTION = OPEN_ARRAY

const IN_ARRAY = 1
const IN_OBJECT = 2

const VALUE = indexOf('value')
const ARRAY_FIRST = indexOf('array-first')
const OBJECT_FIRST = indexOf('object-first')
const OBJECT_KEY = indexOf('object-key')
const AFTER_VALUE = indexOf('after-value')

const numberEnds = ['zero', 'integer', 'fraction', 'exponent-digits']
const mayEnd = new Set([AFTER_VALUE, ...numberEnds.map(indexOf)])
/** `state << 8 | byte` to the next state or action. */
const transitions = buildTransitions()

export class JsonValidator {
  #state = VALUE
  #depth = 0
  /** One byte a level: arrays and objects differ. Grows by doubling, so it is bounded by the payload. */
  #stack = new Uint8Array(16)
  #seenBytes = 0
  #problem: string | undefined

  /** False as soon as the bytes so far cannot begin a JSON text. */
  push(chunk: Uint8Array): boolean {
    if (this.#problem !== undefined) return false
    const length = chunk.length
    let state = this.#state
    for (let at = 0; at < length; at++) {
      const byte = chunk[at] ?? 0
      const next = transitions[(state << 8) | byte] ?? ERROR
      state = next < FIRST_ACTION ? next : this.#act(next)
      if (state === ERROR) {
        const shown = byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}' (code ${byte})` : `(code ${byte})`
        this.#problem = `Unexpected character ${shown} at byte ${this.#seenBytes + at}`
        return false
      }
    }
    this.#state = state
    this.#seenBytes += length
    return true
  }

  /** What is wrong with the whole, or undefined if it is JSON. */
  end(): string | undefined {
    if (this.#problem !== undefined) return this.#problem
    if (this.#depth === 0 && mayEnd.has(this.#state)) return undefined
    return `Unexpected end of input at byte ${this.#seenBytes}`
  }

  /** Returns the next state, or ERROR. */
  #act(action: number): number {
    const within = this.#depth === 0 ? 0 : this.#stack[this.#depth - 1]
    switch (action) {
      case OPEN_ARRAY:
        return this.#open(IN_ARRAY, ARRAY_FIRST)
      case OPEN_OBJECT:
        return this.#open(IN_OBJECT, OBJECT_FIRST)
      case CLOSE_ARRAY:
        return within === IN_ARRAY ? this.#close() : ERROR
      case CLOSE_OBJECT:
        return within === IN_OBJECT ? this.#close() : ERROR
      case COMMA:
        return within === IN_ARRAY ? VALUE : within === IN_OBJECT ? OBJECT_KEY : ERROR
      default:
        return ERROR
    }
  }

  #open(container: number, state: number): number {
    if (this.#depth === this.#stack.length) {
      const larger = new Uint8Array(this.#stack.length * 2)
      larger.set(this.#stack)
      this.#stack = larger
    }
    this.#stack[this.#depth++] = container
    return state
  }

  #close(): number {
    this.#depth--
    return AFTER_VALUE
  }
}

function indexOf(state: string): number {
  return states.findIndex((name) => name === state)
}

function buildTransitions(): Uint8Array {
  const table = new Uint8Array(states.length << 8).fill(ERROR)
  const on = (from: string, bytes: string, to: string | number): void => {
    const next = typeof to === 'number' ? to : indexOf(to)
    for (const byte of Buffer.from(bytes, 'latin1')) table[(indexOf(from) << 8) | byte] = next
  }
  const space = ' \t\n\r'
  const digits = '0123456789'

  for (const from of ['value', 'array-first', 'object-first', 'object-key', 'colon', 'after-value'])
    on(from, space, from)
  for (const from of ['value', 'array-first']) {
    on(from, '"', 'string')
    on(from, '[', OPEN_ARRAY)
    on(from, '{', OPEN_OBJECT)
    on(from, '-', 'minus')
    on(from, '0', 'zero')
    on(from, '123456789', 'integer')
    for (const word of ['t', 'f', 'n']) on(from, word, word)
  }
  on('array-first', ']', CLOSE_ARRAY)
  on('object-first', '}', CLOSE_OBJECT)
  for (const from of ['object-first', 'object-key']) on(from, '"', 'key')
  on('colon', ':', 'value')

  for (const kind of ['key', 'string']) {
    // Any byte from 0x20 on; that those beyond ASCII are UTF-8 is checked elsewhere.
    for (let byte = 0x20; byte <= 0xff; byte++) on(kind, String.fromCharCode(byte), kind)
    on(kind, '\\', `${kind}\\`)
    on(kind, '"', kind === 'key' ? 'colon' : 'after-value')
    on(`${kind}\\`, '"\\/bfnrt', kind)
    on(`${kind}\\`, 'u', `${kind}\\u`)
    const hexadecimal = [`${kind}\\u`, `${kind}\\u1`, `${kind}\\u2`, `${kind}\\u3`, kind]
    for (let n = 0; n < 4; n++) on(hexadecimal[n] ?? '', `${digits}abcdefABCDEF`, hexadecimal[n + 1] ?? '')
  }

  on('minus', '0', 'zero')
  on('minus', '123456789', 'integer')
  on('integer', digits, 'integer')
  for (const from of ['zero', 'integer']) on(from, '.', 'point')
  for (const from of ['point', 'fraction']) on(from, digits, 'fraction')
  for (const from of ['zero', 'integer', 'fraction']) on(from, 'eE', 'exponent')
  on('exponent', '+-', 'exponent-sign')
  for (const from of ['exponent', 'exponent-sign', 'exponent-digits']) on(from, digits, 'exponent-digits')

  for (const word of ['true', 'false', 'null']) {
    for (let n = 1; n < word.length; n++)
      on(word.slice(0, n), word.charAt(n), n + 1 === word.length ? 'after-value' : word.slice(0, n + 1))
  }
  for (const from of ['after-value', ...numberEnds]) {
    on(from, space, 'after-value')
    on(from, ',', COMMA)
    on(from, ']', CLOSE_ARRAY)
    on(from, '}', CLOSE_OBJECT)
  }
  return table
}
