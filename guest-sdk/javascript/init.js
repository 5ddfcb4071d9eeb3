/** What is done once, while a function is built: its module is evaluated, its hooks run, and the engine made ready to be stored. */
import { encodeUtf8 } from './bytes.js'
import { monotonicMs } from './clock.js'
import { assertHandled, settled } from './drain.js'
import { failureOf, unhandledRejection } from './failure.js'
import { clearRoom } from './heap.js'
import { beginReads, endReads } from './init-reads.js'
import { invocation } from './invocation.js'
import { forgetOrigin } from './performance.js'
import { forgetSeed } from './random.js'
import { takeSourceMap } from './source-map.js'
import { suspendTimers } from './timers.js'

/** What the builder looks for in the image of an init that did not fail: the text's length in bytes tells where it ends. */
function markDone(detail) {
  const text = JSON.stringify(detail)
  return encodeUtf8(`thaw-init-done:${encodeUtf8(text).length}:${text}`)
}
/** And in the message of one that did. */
const markError = (detail) => `thaw-init-error:${JSON.stringify(detail)};`

/** Keeps the mark in memory, where the builder finds it. */
export let initMark

/**
 * Evaluate the function's module and give it to `serve`, which finds the handler in it. Called once, at build time.
 */
export async function init(load, moduleName, exportName, serve) {
  const startMs = monotonicMs()
  takeSourceMap()
  beginReads()
  let reads
  try {
    const module = await settled(load())
    await invocation.hooks?.atInit(settled)
    serve(module, moduleName, exportName)
    await assertHandled(unhandledRejection)
  } catch (thrown) {
    const { name, place } = invocation.hooks?.running ?? {}
    throw new Error(markError({ ...failureOf(thrown), hook: name, registered: place }), { cause: thrown })
  } finally {
    reads = endReads()
  }
  initMark = markDone({ us: Math.round((monotonicMs() - startMs) * 1000), reads })
  // What init leaves behind is every invocation's start: no seed, no clock, no garbage.
  forgetSeed()
  forgetOrigin()
  suspendTimers()
  globalThis.__cqjs.runGc()
  clearRoom()
}
