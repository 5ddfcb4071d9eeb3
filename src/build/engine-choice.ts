/** Which JavaScript engine a package asks for: `"thaw": { "engine": ... }` in its package.json. */
import { ThawError } from '../errors.ts'
import type { Package } from './package.ts'

export const javascriptEngines = ['quickjs', 'starlingmonkey'] as const
export type JavaScriptEngine = (typeof javascriptEngines)[number]

const manifest = 'package.json'

/** QuickJS if nothing is said. Errors: `InvalidParameterValue`, which names what was asked for and the engines there are. */
export function engineOf(opened: Package): JavaScriptEngine {
  const bytes = opened.kind === 'files' ? opened.files.get(manifest) : undefined
  const asked = bytes === undefined ? undefined : askedFor(bytes)
  if (asked === undefined) return 'quickjs'
  const engine = javascriptEngines.find((name) => name === asked)
  if (engine !== undefined) return engine
  const known = javascriptEngines.join(', ')
  throw new ThawError(
    'InvalidParameterValue',
    `Unknown engine ${JSON.stringify(asked)} in ${manifest}: known are ${known}`,
  )
}

function askedFor(bytes: Uint8Array): unknown {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes))
    const thaw = member(parsed, 'thaw')
    return member(thaw, 'engine')
  } catch {
    // Whether it has to be JSON is the bundler's affair.
    return undefined
  }
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
