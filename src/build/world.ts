/** Whether a component is of the world that Thaw runs: what it exports, and its handler's types. */
import { ThawError } from '../errors.ts'
import type { EntryKind } from '../instance/plan.ts'
import { inspectBinary } from './binary.ts'
import { assertCoreModules } from './core-modules.ts'

/**
 * The handler interface as jco declares it in TypeScript: from guest-sdk/wit/function.wit, without white space and with
 * `Promise` taken off, as a guest may lift it synchronously or asynchronously. Compared as text, type by type.
 */
const handlerDeclaration = `
  export function handle(event: Uint8Array, context: Context): Uint8Array;
  export interface Context {
    awsRequestId: string,
    functionName: string,
    functionVersion: string,
    invokedFunctionArn: string,
    memoryLimitInMb: number,
    logGroupName: string,
    logStreamName: string,
    deadlineMs: bigint,
    clientContext?: string,
    tenantId?: string,
    traceId?: string,
  }
  export interface FunctionError {
    errorType: string,
    errorMessage: string,
    trace: Array<string>,
  }
`
const eventLoopDeclaration = 'export function turn(): bigint | undefined;'

/** What a component can be called with, the first that it has. */
const entries: readonly (readonly [EntryKind, RegExp])[] = [
  ['event', /^\s*export thaw:function\/handler@0\.1\.\d+;/m],
  ['http-0.3', /^\s*export wasi:http\/handler@0\.3\.\d+;/m],
  ['http-0.2', /^\s*export wasi:http\/incoming-handler@0\.2\.\d+;/m],
]

/** A version of WASI from before it was one: `0.3.0-rc-2026-03-15`, `0.2.0-rc-2023-12-05`. */
const candidate = /^\s*(?:import|export) (wasi:[a-z-]+\/[a-z0-9-]+@[\d.]+-[\w.-]+);/gm

/** Before transpiling. Errors: `Build`: no component, no code in it, a draft of WASI, or no handler. */
export async function readEntry(component: Uint8Array): Promise<EntryKind> {
  const binary = inspectBinary(component)
  if (binary.kind === 'other') throw new ThawError('Build', 'The file is not a valid component: it is not WebAssembly')
  if (binary.kind !== 'component') throw new ThawError('Build', `The file is ${binary.reason}`)
  assertCoreModules(component)
  let wit: string
  try {
    // Loaded here: see transpile.ts.
    const { componentWit } = await import('@bytecodealliance/jco')
    wit = await componentWit(component)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new ThawError('Build', `The file is not a valid component: ${reason ?? ''}`, { cause })
  }
  if (!/^\s*world\s+root\b/m.test(wit))
    throw new ThawError(
      'Build',
      'The file is a WIT package, which has interfaces but no code: build a component from it',
    )
  const drafts = [...new Set(Array.from(wit.matchAll(candidate), ([, name = '']) => name))]
  if (drafts.length > 0)
    throw new ThawError(
      'Build',
      `The component is built for release candidates of WASI (${drafts.slice(0, 10).join(', ')}): build it for a release, 0.2.0 to 0.2.12 or 0.3.0`,
    )
  const entry = entries.find(([, pattern]) => pattern.test(wit))
  if (entry !== undefined) return entry[0]
  const exported = [...wit.matchAll(/^\s*export ([^;{]+)/gm)].map((match) => match[1]?.trim()).slice(0, 10)
  const has = exported.length === 0 ? 'nothing' : exported.join(', ')
  throw new ThawError(
    'Build',
    `The component exports none of thaw:function/handler@0.1.0 (see guest-sdk/wit), wasi:http/handler@0.3.0 and wasi:http/incoming-handler@0.2 (it exports ${has})`,
  )
}

/** After transpiling: `declarations` are jco's, by file name. Errors: `Build`: a type is not the world's. */
export function assertTypes(entry: EntryKind, declarations: ReadonlyMap<string, string>): void {
  // Resources: what the glue does with them is compared instead (handle-types.ts).
  if (entry !== 'event') return
  compare(declarations.get('interfaces/thaw-function-handler.d.ts'), handlerDeclaration, 'handler')
  const eventLoop = declarations.get('interfaces/thaw-function-event-loop.d.ts')
  if (eventLoop !== undefined) compare(eventLoop, eventLoopDeclaration, 'event-loop')
}

function compare(declared: string | undefined, wanted: string, name: string): void {
  if (declared !== undefined && normalized(declared) === normalized(wanted)) return
  throw new ThawError(
    'Build',
    `The component exports thaw:function/${name} with other types than guest-sdk/wit/function.wit has`,
  )
}

function normalized(declaration: string): string {
  return declaration
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/Promise<([^;]+)>;/g, '$1;')
    .replaceAll(/\s+/g, '')
}
