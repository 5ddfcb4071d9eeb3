/**
 * An AssemblyScript function in the test's own process: compiled by asc as Thaw compiles it, without the component
 * around it, and instantiated by `@assemblyscript/loader`. No server, no limits; for unit tests of trusted code.
 *
 *     const { start } = await compileFunction({ folder: 'src', handler: 'index.handler' })
 *     const guest = await start({ environment: { COLOUR: 'blue' } })
 *     const { value, log } = guest.invoke({ name: 'you' })
 *     const { reply } = guest.request({ method: 'POST', body: 'x' }) // of a function that exports `fetch`
 *     const { slug, __newString, __getString } = guest.exports // what index.ts exports, by the loader
 */
import { instantiate, type ASUtil } from '@assemblyscript/loader'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileAssemblyScript, type ModuleStyle } from '../../../src/build/languages/asc.ts'
import { parseHandlerName } from '../../../src/build/handler-name.ts'
import { handle, request, type CoreExports, type GuestContext, type HttpOutcome, type Outcome } from './handle.ts'
import { createHost, type HostOptions } from './host.ts'
import type { IncomingParts } from './http.ts'

export interface FunctionSource {
  /** The function's folder, or its files by path. */
  folder?: string
  files?: Record<string, string>
  /** `index.handler` if left out. */
  handler?: string
}

/** `fetch` answers what the function asks of other servers. */
export type StartOptions = HostOptions

export interface Guest {
  /** What the handler's file exports, raw: strings are pointers, `__newString` and `__getString` turn them. */
  exports: ASUtil & Record<string, unknown>
  /** The event as Thaw would send it, as JSON. Ask for a new guest for a pristine one. */
  invoke(event: unknown, context?: GuestContext): Outcome
  /** A request to a function that exports `fetch`: GET of `/` if nothing else is said. */
  request(parts?: IncomingParts): HttpOutcome
}

/** Compiles once; `start` gives a guest as it is after init, as often as one likes. */
export async function compileFunction({ folder, files, handler = 'index.handler' }: FunctionSource): Promise<{
  /** The core module's size. */
  bytes: number
  start(options?: StartOptions): Promise<Guest>
}> {
  const sources = new Map(Object.entries(files ?? {}).map(([path, text]) => [path, Buffer.from(text)]))
  for (const path of folder === undefined ? [] : globSync('**/*.ts', { cwd: folder, exclude: ['**/*.test.ts'] })) {
    sources.set(path, readFileSync(join(folder ?? '', path)))
  }
  const name = parseHandlerName(handler)
  const { binary, style } = await compileAssemblyScript({ files: sources, name, forTests: true })
  const module = await WebAssembly.compile(binary)
  const expectStyle = (wanted: ModuleStyle): void => {
    if (style !== wanted) throw new Error(`The function takes ${style === 'http' ? 'requests' : 'events'}`)
  }
  return {
    bytes: binary.length,
    async start(options = {}) {
      const host = createHost(options)
      const { exports } = await instantiate<CoreExports & Record<string, unknown>>(module, host.imports)
      host.memory.use(exports)
      return {
        exports,
        invoke(event, context) {
          expectStyle('event')
          return handle(exports, host, event, context)
        },
        request(parts = {}) {
          expectStyle('http')
          return request(exports, host, parts)
        },
      }
    },
  }
}
