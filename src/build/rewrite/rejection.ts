/** What the rewriter says of a module it does not take. The text reaches the person who deployed it. */
import { ThawError } from '../../errors.ts'

export type Feature =
  | 'garbage collection'
  | 'exception handling'
  | 'threads'
  | 'memory64'
  | 'table64'
  | 'stack switching'
  | 'custom page sizes'
  | 'custom descriptors'

/** The module uses a proposal Thaw does not run: `where` says what in the module showed it. */
export function unsupported(feature: Feature, where: string): ThawError {
  return new ThawError('Build', `A core module uses ${feature} (${where}), which Thaw does not support.`)
}

/** The module is legal WebAssembly, but breaks a rule of Thaw's own. */
export function refused(rule: string): ThawError {
  return new ThawError('Build', `A core module cannot be used: ${rule}.`)
}

export function malformed(what: string, cause?: unknown): ThawError {
  return new ThawError('Build', `A core module is malformed: ${what}.`, { cause })
}
