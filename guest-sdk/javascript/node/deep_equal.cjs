/** Deep equality as node:assert has it: strict by Object.is and prototypes, loose by ==. */
const ownKeys = (value) =>
  Reflect.ownKeys(value).filter((key) => Object.getOwnPropertyDescriptor(value, key)?.enumerable === true)
const boxed = [Number, String, Boolean, BigInt, Symbol]
const tagOf = (value) => Object.prototype.toString.call(value)

function isDeepEqual(left, right, strict) {
  return compare(left, right, strict, [])
}

function compare(left, right, strict, seen) {
  if (strict ? Object.is(left, right) : left === right || (Number.isNaN(left) && Number.isNaN(right))) return true
  const objects = typeof left === 'object' && left !== null && typeof right === 'object' && right !== null
  // oxlint-disable-next-line eqeqeq
  if (!objects) return !strict && typeof left !== 'object' && typeof right !== 'object' && left == right
  if (strict && Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false
  if (tagOf(left) !== tagOf(right) || Array.isArray(left) !== Array.isArray(right)) return false
  if (!sameContents(left, right, strict)) return false
  // A pair that is being compared further up is as equal as the rest of it.
  if (seen.some(([a, b]) => a === left && b === right)) return true
  const within = [...seen, [left, right]]
  if (left instanceof Set || left instanceof Map) {
    if (!sameMembers(left, right, strict, within)) return false
  }
  // Bytes are compared already.
  if (ArrayBuffer.isView(left)) return true
  const keys = ownKeys(left)
  return (
    keys.length === ownKeys(right).length &&
    keys.every(
      (key) => Object.prototype.propertyIsEnumerable.call(right, key) && compare(left[key], right[key], strict, within),
    )
  )
}

/** What is not in properties. */
function sameContents(left, right, strict) {
  if (left instanceof Date) return right instanceof Date && Object.is(left.getTime(), right.getTime())
  if (left instanceof RegExp) {
    return String(left) === String(right) && left.lastIndex === right.lastIndex
  }
  if (left instanceof Error) return left.message === right.message && left.name === right.name
  if (ArrayBuffer.isView(left)) {
    if (left.byteLength !== right.byteLength) return false
    if (!strict && (left instanceof Float32Array || left instanceof Float64Array))
      return left.every((item, at) => item === right[at])
    const [a, b] = [bytesOf(left), bytesOf(right)]
    return a.every((byte, at) => byte === b[at])
  }
  if (left instanceof ArrayBuffer) return sameContents(new Uint8Array(left), new Uint8Array(right), strict)
  if (Array.isArray(left)) return left.length === right.length
  if (left instanceof Set || left instanceof Map) return left.size === right.size
  if (left instanceof WeakMap || left instanceof WeakSet || left instanceof Promise) return false
  const box = boxed.find((type) => left instanceof type)
  return box === undefined || Object.is(box.prototype.valueOf.call(left), box.prototype.valueOf.call(right))
}

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)

function sameMembers(left, right, strict, seen) {
  const rest = [...right]
  for (const item of left) {
    const same = (other) => compare(item, other, strict, seen)
    const at = rest.findIndex((other) => other === item)
    const found = at === -1 ? rest.findIndex(same) : at
    if (found === -1) return false
    rest.splice(found, 1)
  }
  return true
}

module.exports = { isDeepEqual }
