/** structuredClone (HTML, 2.7): everything a function can hold but what belongs to a page. */
import { defineGlobals } from './define.js'

const boxes = ['Boolean', 'Number', 'String', 'BigInt']
const errors = new Set(['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'])
const refused = [WeakMap, WeakSet, WeakRef, Promise]
const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1)

/**
 * @param {unknown} value
 * @param {{ transfer?: ArrayBuffer[] }} [options] what is moved: detached here, whole in the copy
 */
export function structuredClone(value, options = undefined) {
  if (arguments.length === 0) throw new TypeError('The "value" argument must be specified')
  const moved = new Set()
  for (const item of options?.transfer ?? []) {
    if (!(item instanceof ArrayBuffer)) throw uncloneable('A value in the transfer list is not transferable.')
    if (item.detached || moved.has(item)) throw uncloneable('An ArrayBuffer is detached or is in the list twice.')
    moved.add(item)
  }
  const seen = new Map()
  const copy = clone(value, seen)
  // Last: cloning may have thrown, and then nothing is detached. The copy has the bytes already.
  for (const item of moved) item.transfer()
  return copy
}

const uncloneable = (message) => new DOMException(message, 'DataCloneError')

function clone(value, seen) {
  if (typeof value === 'function') throw uncloneable(`${value.name || 'A function'} could not be cloned.`)
  if (typeof value === 'symbol') throw uncloneable(`${String(value)} could not be cloned.`)
  if (typeof value !== 'object' || value === null) return value
  if (seen.has(value)) return seen.get(value)
  const keep = (copy) => {
    seen.set(value, copy)
    return copy
  }
  const buffer = cloneBuffer(value, seen)
  if (buffer !== undefined) return keep(buffer)
  if (refused.some((type) => value instanceof type) || tagOf(value) === 'Generator') {
    throw uncloneable(`#<${tagOf(value)}> could not be cloned.`)
  }
  if (value instanceof Map || value instanceof Set) return cloneCollection(value, keep, seen)
  if (value instanceof Error) return cloneError(value, keep, seen)
  if (isPlatformObject(value)) return keep(clonePlatformObject(value))
  const copy = keep(Array.isArray(value) ? Array.from({ length: 0 }) : {})
  if (Array.isArray(value)) copy.length = value.length
  for (const key of Object.keys(value)) {
    // A getter may have removed what comes after it.
    if (!Object.hasOwn(value, key)) continue
    Object.defineProperty(copy, key, {
      value: clone(value[key], seen),
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
  return copy
}

/** What holds bytes or one primitive. Undefined if it is neither. */
function cloneBuffer(value, seen) {
  if (value instanceof Date) return new Date(value.getTime())
  if (value instanceof RegExp) return new RegExp(value.source, value.flags)
  const box = boxes.find((name) => value instanceof globalThis[name])
  if (box !== undefined) return Object(globalThis[box].prototype.valueOf.call(value))
  if (value instanceof ArrayBuffer) {
    if (value.detached) throw uncloneable('An ArrayBuffer is detached and could not be cloned.')
    if (!value.resizable) return value.slice(0)
    const copy = new ArrayBuffer(value.byteLength, { maxByteLength: value.maxByteLength })
    new Uint8Array(copy).set(new Uint8Array(value))
    return copy
  }
  if (!ArrayBuffer.isView(value)) return undefined
  const buffer = clone(value.buffer, seen)
  if (value instanceof DataView) return new DataView(buffer, value.byteOffset, value.byteLength)
  // A subclass, as Buffer is one, comes back as the platform's own type.
  return new globalThis[arrayType.call(value)](buffer, value.byteOffset, value.length)
}

const arrayType = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get

/** What is in it now: a getter of a member may add more. */
function cloneCollection(value, keep, seen) {
  if (value instanceof Set) {
    const copy = keep(new Set())
    for (const item of Array.from(value)) copy.add(clone(item, seen))
    return copy
  }
  const copy = keep(new Map())
  for (const [key, item] of Array.from(value)) copy.set(clone(key, seen), clone(item, seen))
  return copy
}

function cloneError(value, keep, seen) {
  if (value instanceof DOMException) {
    const copy = keep(new DOMException(value.message, value.name))
    copy.stack = value.stack
    return copy
  }
  const name = String(value.name)
  const copy = keep(new globalThis[errors.has(name) ? name : 'Error']())
  const message = Object.getOwnPropertyDescriptor(value, 'message')
  if (message !== undefined && 'value' in message) define(copy, 'message', String(message.value))
  define(copy, 'stack', String(value.stack ?? ''))
  if (Object.hasOwn(value, 'cause')) define(copy, 'cause', clone(value.cause, seen))
  return copy
}

function define(target, key, value) {
  Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: false })
}

/** Blob and File are cloneable; the other interfaces here are not. */
const isPlatformObject = (value) => {
  const tag = tagOf(value)
  const type = globalThis[tag]
  return typeof type === 'function' && !['Object', 'Array', 'Arguments'].includes(tag) && value instanceof type
}

function clonePlatformObject(value) {
  const { Blob, File } = globalThis
  if (File !== undefined && value instanceof File) {
    return new File([value], value.name, { type: value.type, lastModified: value.lastModified })
  }
  if (Blob !== undefined && value instanceof Blob) return value.slice(0, value.size, value.type)
  throw uncloneable(`#<${tagOf(value)}> could not be cloned.`)
}

defineGlobals({ structuredClone })
