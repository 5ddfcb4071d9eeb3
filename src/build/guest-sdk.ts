/** Where the guest SDK is, and what its WIT world offers. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '..', '..', 'guest-sdk')

export const guestSdk = {
  javascript: join(folder, 'javascript'),
  /** What of `javascript` another engine has in another way, by the same names, and what is its own. */
  starlingmonkey: join(folder, 'starlingmonkey'),
  assemblyscript: join(folder, 'assemblyscript'),
  wit: join(folder, 'wit'),
}

/** The world and the packages it uses as one WIT document: jco's tools then need no file of the host. */
export function witDocument(): string {
  const deps = readdirSync(join(guestSdk.wit, 'deps')).map((name) => {
    const source = readFileSync(join(guestSdk.wit, 'deps', name), 'utf8')
    return `${source.replace(/^package ([^;]+);/m, 'package $1 {')}\n}`
  })
  return [readFileSync(join(guestSdk.wit, 'function.wit'), 'utf8'), ...deps].join('\n')
}

/** All that decides what the worlds are. */
export function witSources(): string {
  return [witDocument(), readFileSync(join(guestSdk.wit, 'javascript-http.wit'), 'utf8')].join('\n')
}

/** The interfaces a guest may import, by their full names: `wasi:cli/stdout@0.2.0`. */
export function offeredInterfaces(): Set<string> {
  const source = readFileSync(join(guestSdk.wit, 'function.wit'), 'utf8')
  return new Set([...source.matchAll(/^\s*import ([^;\s]+);/gm)].map((match) => match[1] ?? ''))
}
