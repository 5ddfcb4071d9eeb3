/**
 * What the guest SDK says of init: `thaw-init-done:<bytes>:{...}` in the component's memory image, or
 * `thaw-init-error:{...};` in the message of the error that ended it (guest-sdk/javascript/handler.js).
 */
import { z } from 'zod'
import { shortPlace } from './trace-map.ts'

/** What was read, as the author wrote it, and where: `/var/task/src/index.ts:3:7`. */
const readSchema = z.tuple([z.string().max(200), z.string().max(500)])
const doneSchema = z.object({ us: z.number().nonnegative(), reads: z.array(readSchema).max(10) })
const errorSchema = z.object({
  errorType: z.string(),
  errorMessage: z.string(),
  trace: z.array(z.string()),
  /** The hook that failed, and where it was registered. */
  hook: z.string().optional(),
  registered: z.string().optional(),
})

export interface InitReport {
  initMs: number
  /** What init read that will be another thing in an invocation. */
  reads: readonly (readonly [what: string, place: string])[]
}

const markName = 'thaw-init-done:'

/** A guest may have written another mark to fool us: it can only misstate its own init. */
export function readInitMark(component: Uint8Array): InitReport {
  const bytes = Buffer.from(component.buffer, component.byteOffset, component.byteLength)
  // The SDK's source is in the image as well: its text has no number behind the name.
  for (let at = bytes.indexOf(markName); at !== -1; at = bytes.indexOf(markName, at + 1)) {
    const from = at + markName.length
    const length = /^(\d{1,5}):/.exec(bytes.toString('latin1', from, from + 6))?.[1]
    if (length === undefined) continue
    const start = from + length.length + 1
    const mark = doneSchema.safeParse(parseJson(bytes.toString('utf8', start, start + Number(length)))).data
    // Another may be the rest of a string that has been freed.
    if (mark !== undefined) return { initMs: mark.us / 1_000, reads: mark.reads }
  }
  return { initMs: 0, reads: [] }
}

/** One sentence for each read, the function's own files first. */
export function readWarnings(reads: InitReport['reads']): string[] {
  const inPackage = ([, place]: readonly [string, string]) => (place.includes('/node_modules/') ? 1 : 0)
  return reads
    .toSorted((one, other) => inPackage(one) - inPackage(other))
    .map(([what, place]) => printable(`${what} read at ${shortPlace(place)} during init: ${consequence(what)}`))
}

function consequence(what: string): string {
  if (what.startsWith('process.env')) {
    const kept = what === 'process.env' ? 'no variables' : '"undefined"'
    return `the snapshot keeps ${kept}, as the environment is there in invocations only; read it in the handler or in an afterRestore hook`
  }
  if (/random|generateKey/i.test(what)) {
    return 'the snapshot keeps the value, which is then the same in every invocation; draw it in the handler or in an afterRestore hook'
  }
  return 'the snapshot keeps the time of the build; read the clock in the handler or in an afterRestore hook'
}

/** What a guest says goes to terminals: without control characters. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const printable = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?')

/** One sentence, with the error's type, message and place in the package's own file. */
export function describeInitFailure(message: string): string {
  const mark = /thaw-init-error:(\{.*\});/.exec(message)?.[1]
  if (mark !== undefined) {
    const error = errorSchema.safeParse(parseJson(mark)).data
    if (error !== undefined) {
      const { errorType, errorMessage, trace, hook, registered = '' } = error
      const text = `${errorType}: ${errorMessage}${place(trace)}`
      if (hook !== undefined) {
        const where = registered === '' ? '' : ` registered at ${shortPlace(registered)}`
        return `Init failed in the ${hook} hook${where}: ${text}`
      }
      return errorType.startsWith('Runtime.') ? text : `Init failed: ${text}`
    }
  }
  if (message.includes('dead lock')) {
    return 'Init failed: a top-level await or a hook (onInit, beforeSnapshot) waits for what never comes'
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
