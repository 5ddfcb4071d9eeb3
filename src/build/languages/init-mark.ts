/**
 * What the guest SDK says of init: `thaw-init-done:{...};` in the component's memory image, or `thaw-init-error:{...};`
 * in the message of the error that ended it (guest-sdk/javascript/handler.js).
 */
import { z } from 'zod'

const doneSchema = z.object({ us: z.number().nonnegative(), random: z.boolean() })
const errorSchema = z.object({ errorType: z.string(), errorMessage: z.string(), trace: z.array(z.string()) })

/** A guest may have written another mark to fool us: it can only misstate its own init. */
export function readInitMark(component: Uint8Array): { initMs: number; usedRandomness: boolean } {
  const bytes = Buffer.from(component.buffer, component.byteOffset, component.byteLength)
  // The SDK's source is in the image as well: its text has no JSON behind the name.
  const start = bytes.indexOf('thaw-init-done:{')
  const end = start === -1 ? -1 : bytes.indexOf('};', start)
  if (end === -1 || end - start > 200) return { initMs: 0, usedRandomness: false }
  try {
    const mark = doneSchema.parse(JSON.parse(bytes.toString('latin1', start + 'thaw-init-done:'.length, end + 1)))
    return { initMs: mark.us / 1_000, usedRandomness: mark.random }
  } catch {
    return { initMs: 0, usedRandomness: false }
  }
}

/** One sentence, with the error's type, message and place in the package's own file. */
export function describeInitFailure(message: string): string {
  const mark = /thaw-init-error:(\{.*\});/.exec(message)?.[1]
  if (mark !== undefined) {
    const error = errorSchema.safeParse(parseJson(mark)).data
    if (error !== undefined) {
      const text = `${error.errorType}: ${error.errorMessage}`
      return error.errorType.startsWith('Runtime.') ? text : `Init failed: ${text}${place(error.trace)}`
    }
  }
  if (message.includes('dead lock')) {
    return 'Init failed: a top-level await waits for what never comes (timers do not run during init)'
  }
  // The engine's own end: a trap, an exit.
  const trap = /wasm backtrace:[\s\S]*>: (.+)$/.exec(message.trim())?.[1]
  if (trap !== undefined) return `Init failed: ${trap}`
  const last = message.split('module evaluation:').at(-1) ?? message
  return `Init failed: ${last.trim().split('\n').slice(0, 3).join(' ').slice(0, 500)}`
}

/** ` (index.mjs:3:7)` of the topmost frame that is the package's; empty if none is. */
function place(trace: readonly string[]): string {
  for (const frame of trace) {
    const at = /\/var\/task\/(.+:\d+:\d+)\)?$/.exec(frame)?.[1]
    if (at !== undefined && !at.startsWith('bundle.mjs')) return ` (${at})`
  }
  return ''
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
