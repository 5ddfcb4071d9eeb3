/** Whether a component is of the world that Thaw runs: what it exports, and its handler's types. */
import { componentWit } from '@bytecodealliance/jco'
import { ThawError } from '../errors.ts'
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

/** Before transpiling. Errors: `Build`: no component, no code in it, or no handler. */
export async function assertExports(component: Uint8Array): Promise<void> {
  const binary = inspectBinary(component)
  if (binary.kind === 'other') throw new ThawError('Build', 'The file is not a valid component: it is not WebAssembly')
  if (binary.kind !== 'component') throw new ThawError('Build', `The file is ${binary.reason}`)
  assertCoreModules(component)
  let wit: string
  try {
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
  if (/^\s*export thaw:function\/handler@0\.1\.\d+;/m.test(wit)) return
  const exported = [...wit.matchAll(/^\s*export ([^;{]+)/gm)].map((match) => match[1]?.trim()).slice(0, 10)
  const has = exported.length === 0 ? 'nothing' : exported.join(', ')
  throw new ThawError(
    'Build',
    `The component does not export thaw:function/handler@0.1.0 (it exports ${has}): see guest-sdk/wit`,
  )
}

/** After transpiling: `declarations` are jco's, by file name. Errors: `Build`: a type is not the world's. */
export function assertTypes(declarations: ReadonlyMap<string, string>): void {
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
