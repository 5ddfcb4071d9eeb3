/** node:util's types: what a value is inside, whatever its prototype says. */
const arrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get

/** Whether `method`, which looks at an internal slot, accepts the value. */
function has(method, ...args) {
  return (value) => {
    try {
      method.apply(value, args)
      return true
    } catch {
      return false
    }
  }
}
const getter = (type, name) => Object.getOwnPropertyDescriptor(type.prototype, name).get
const tag = (name) => (value) => Object.prototype.toString.call(value) === `[object ${name}]`
const isObject = (value) => typeof value === 'object' && value !== null
const isNumberObject = (value) => isObject(value) && has(Number.prototype.valueOf)(value)
const isStringObject = (value) => isObject(value) && has(String.prototype.valueOf)(value)
const isBooleanObject = (value) => isObject(value) && has(Boolean.prototype.valueOf)(value)
const isBigIntObject = (value) => isObject(value) && has(BigInt.prototype.valueOf)(value)
const isSymbolObject = (value) => isObject(value) && has(Symbol.prototype.valueOf)(value)
const isArrayBuffer = has(getter(ArrayBuffer, 'byteLength'))
// Not every engine has it.
const isSharedArrayBuffer =
  typeof SharedArrayBuffer === 'undefined' ? () => false : has(getter(SharedArrayBuffer, 'byteLength'))

module.exports = {
  isDate: has(Date.prototype.getTime),
  isRegExp: (value) => isObject(value) && value !== RegExp.prototype && has(getter(RegExp, 'source'))(value),
  isMap: has(getter(Map, 'size')),
  isSet: has(getter(Set, 'size')),
  isWeakMap: has(WeakMap.prototype.has, {}),
  isWeakSet: has(WeakSet.prototype.has, {}),
  isPromise: (value) => value instanceof Promise,
  isProxy: () => false,
  isNativeError: Error.isError,
  isArrayBuffer,
  isSharedArrayBuffer,
  isAnyArrayBuffer: (value) => isArrayBuffer(value) || isSharedArrayBuffer(value),
  isArrayBufferView: ArrayBuffer.isView,
  isDataView: has(getter(DataView, 'byteLength')),
  isTypedArray: (value) => arrayTag.call(value) !== undefined,
  ...Object.fromEntries(
    [
      'Uint8Array',
      'Uint8ClampedArray',
      'Uint16Array',
      'Uint32Array',
      'Int8Array',
      'Int16Array',
      'Int32Array',
      'Float16Array',
      'Float32Array',
      'Float64Array',
      'BigInt64Array',
      'BigUint64Array',
    ].map((name) => [`is${name}`, (value) => arrayTag.call(value) === name]),
  ),
  isNumberObject,
  isStringObject,
  isBooleanObject,
  isBigIntObject,
  isSymbolObject,
  isBoxedPrimitive: (value) =>
    [isNumberObject, isStringObject, isBooleanObject, isBigIntObject, isSymbolObject].some((is) => is(value)),
  isAsyncFunction: tag('AsyncFunction'),
  isGeneratorFunction: (value) => tag('GeneratorFunction')(value) || tag('AsyncGeneratorFunction')(value),
  isGeneratorObject: tag('Generator'),
  isMapIterator: tag('Map Iterator'),
  isSetIterator: tag('Set Iterator'),
  isArgumentsObject: tag('Arguments'),
  isModuleNamespaceObject: tag('Module'),
  isExternal: () => false,
  isKeyObject: () => false,
  isCryptoKey: tag('CryptoKey'),
}
