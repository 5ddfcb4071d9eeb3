/** Lambda's handler strings: `index.handler`, `dir/index.handler`, `index.nested.handler`. */
import { posix } from 'node:path'
import { ThawError } from '../errors.ts'

export interface HandlerName {
  /** The file's path in the package without its extension: `dir/index`. */
  module: string
  /** The file's own name without its extension, as Lambda's messages have it: `index`. */
  base: string
  /** What it exports: `handler`, or a path of names. */
  exported: string
}

/** Throws `Build` with Lambda's `Runtime.MalformedHandlerName`. */
export function parseHandlerName(handler: string): HandlerName {
  const { dir, base } = posix.parse(handler)
  const match = /^([^.]+)\.(.+)$/.exec(base)
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new ThawError('Build', `Runtime.MalformedHandlerName: Bad handler '${handler}': it must be file.export`)
  }
  if (posix.isAbsolute(handler) || dir.split('/').includes('..')) {
    throw new ThawError(
      'Build',
      `Runtime.MalformedHandlerName: '${handler}' is not a valid handler name: it must stay inside the package`,
    )
  }
  return { module: posix.normalize(posix.join(dir, match[1])), base: match[1], exported: match[2] }
}

/** The package's file for a handler, by the first extension that exists. Throws `Build`: `Runtime.ImportModuleError`. */
export function handlerFile(name: HandlerName, extensions: readonly string[], has: (path: string) => boolean): string {
  const found = extensions.map((extension) => name.module + extension).find(has)
  if (found !== undefined) return found
  throw new ThawError(
    'Build',
    `Runtime.ImportModuleError: Error: Cannot find module '${name.module}' (looked for ${extensions.join(', ')})`,
  )
}
