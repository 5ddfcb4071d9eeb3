/** Globals as the platform has them: writable, configurable, and not listed by `for in`. */
export function defineGlobals(globals) {
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}

/** What `Object.prototype.toString` calls instances of a class, and members that Web IDL makes enumerable. */
export function webInterface(constructor, name, members = []) {
  Object.defineProperty(constructor.prototype, Symbol.toStringTag, { value: name, configurable: true })
  for (const member of members) {
    const property = Object.getOwnPropertyDescriptor(constructor.prototype, member)
    Object.defineProperty(constructor.prototype, member, { ...property, enumerable: true })
  }
}

/** The bytes of an ArrayBuffer or a view of one; not a copy. Undefined for anything else. */
export function bufferBytes(value) {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer) return new Uint8Array(value)
  return undefined
}
