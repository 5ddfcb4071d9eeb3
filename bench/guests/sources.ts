/** The functions' sources. AssemblyScript's are named `.as`: no TypeScript compiler is to take them for its own. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export function sourceOf(file: string): string {
  return readFileSync(join(import.meta.dirname, 'sources', file), 'utf8')
}

/** The same function under another name: other bytes, so a snapshot of its own, and the same engine. */
export function javaScriptSource(variant: number): string {
  return `${sourceOf('echo.js')}globalThis.variant = ${variant}\n`
}

export function assemblyScriptSource(variant: number): string {
  return sourceOf('echo.as').replace('"echo-0"', `"echo-${variant}"`)
}

export function starlingSource(variant: number): string {
  return `${sourceOf('echo.starling.js')}globalThis.variant = ${variant}\n`
}
