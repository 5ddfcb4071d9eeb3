/**
 * What a function reads while it is built that is another thing, or another value, in each invocation: the environment,
 * randomness, the time. The snapshot keeps it, so the builder warns of it, by name and place.
 */
/** As many places as are told of. */
const maxPlaces = 10
/** A loop that waits reads the clock a million times; of each thing so many reads are looked at. */
const maxLooks = 25

/** By these packages choose how they show or check things: no setting of the function's. */
const usual = /^process\.env\.(?:NODE_ENV|NODE_DEBUG|DEBUG|NO_COLOR|FORCE_COLOR)\t.*\/node_modules\//

let recording = false
/** Each as `what\tplace`. */
const reads = new Set()
const looks = new Map()

/** @param {string} what as the author wrote it: `process.env.PORT` */
export function noteRead(what) {
  if (!recording || reads.size >= maxPlaces) return
  const looked = looks.get(what) ?? 0
  if (looked >= maxLooks) return
  looks.set(what, looked + 1)
  const stack = String(new Error('read').stack)
  const place = /\(?(\/(?:var\/task|opt)\/[^\n]*:\d+:\d+)\)?(?:\n|$)/.exec(stack)?.[1]
  const read = `${what}\t${place}`
  if (place !== undefined && !usual.test(read)) reads.add(read)
}

const native = Date.now

/** `Date.now` is replaced for as long as init lasts; `new Date()` calls `__thawClock` (src/build/languages/instrument.ts). */
export function beginReads() {
  recording = true
  Date.now = function now() {
    noteRead('Date.now()')
    return native()
  }
}

/** @returns {[what: string, place: string][]} */
export function endReads() {
  recording = false
  Date.now = native
  looks.clear()
  const found = [...reads].map((read) => read.split('\t'))
  reads.clear()
  return found
}

Object.defineProperty(globalThis, '__thawClock', { value: () => noteRead('new Date()') })
