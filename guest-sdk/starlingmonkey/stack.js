/** `error.stack` in V8's form, which begins with the error itself: SpiderMonkey has `name@file:line:column`, and frames only. */
const native = Object.getOwnPropertyDescriptor(Error.prototype, 'stack')

const { prototype } = Error

Object.defineProperty(prototype, 'stack', {
  ...native,
  get() {
    const stack = native.get.call(this)
    // Not an error's own: a text that somebody has set, perhaps.
    return typeof stack === 'string' && (stack === '' || frame.test(stack)) ? inV8sForm(this, stack) : stack
  },
})

const frame = /^(.*)@(\S+:\d+:\d+)$/m

function inV8sForm(error, stack) {
  let text
  try {
    text = String(error)
  } catch {
    text = 'Error'
  }
  for (const line of stack.split('\n')) {
    const [, name, place] = frame.exec(line) ?? []
    // What the engine's bindings add is nobody's.
    if (place === undefined || place.startsWith('/initializer.js')) continue
    const where = `/var/task/${place}`
    text += name === '' ? `\n    at ${where}` : `\n    at ${name} (${where})`
  }
  return text
}
