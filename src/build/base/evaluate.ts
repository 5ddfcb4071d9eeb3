/** A bundle in an engine that is there: the loader's first call, and what it leaves. */
import type { Limits } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import { ArgumentWriter, liftResult } from '../../instance/handle-abi.ts'
import { coreRealloc, type Linked } from '../../instance/link.ts'
import type { EnginePlan } from '../../instance/plan.ts'
import type { FunctionSpec, Outcome } from '../../invocation.ts'
import { capture, tableNames, type Captured, type CaptureOptions } from '../capture.ts'
import { UnsuitableBundle, type LoaderCall } from './loader.ts'

export interface EvaluateOptions extends Omit<CaptureOptions, 'evaluation'> {
  limits: Limits
  /** See `loaderCalls`. */
  calls: readonly LoaderCall[]
}

/** Callback codes of an asynchronous lift (CanonicalABI.md, "callback"). */
const callbackExit = 0
const callbackYield = 1

/** Errors: `Build`, with the message of what the code threw; `UnsuitableBundle`. */
export async function evaluate({ calls, ...options }: EvaluateOptions): Promise<Captured> {
  const { plan } = options.manifest
  let outcome: Outcome | undefined
  const ended = () => outcome
  let linked: Linked | undefined
  const captured = await capture({
    ...options,
    evaluation: {
      taskReturn(_name, { encoding }, flat) {
        if (linked !== undefined) outcome = liftResult(memoryOf(linked, plan), flat, encoding, 65_536)
      },
      async run(fresh) {
        linked = fresh
        const before = namesOf(fresh)
        for (const each of calls) {
          outcome = undefined
          await call(fresh, plan, each)
          if (ended()?.kind !== 'success') break
        }
        if (namesOf(fresh) !== before) throw new ThawError('Build', 'Init changed a table: a snapshot cannot hold that')
      },
    },
  })
  if (outcome?.kind === 'success') return captured
  if (outcome === undefined) throw new ThawError('Build', 'dead lock')
  const { errorType, errorMessage } = outcome.failure
  // What the function throws carries the SDK's mark; without it the script itself was not understood.
  if (errorType === 'SyntaxError' && !errorMessage.includes('thaw-init-error:'))
    throw new UnsuitableBundle(errorMessage)
  throw new ThawError('Build', errorMessage)
}

const namesOf = ({ tables }: Linked): string => JSON.stringify(tables.map(({ table }) => tableNames(table)))

async function call(linked: Linked, plan: EnginePlan, given: LoaderCall): Promise<void> {
  const entry = entryOf(plan)
  const slot = plan.reallocs[entry.options.realloc ?? -1]
  const realloc = coreRealloc(slot === undefined ? undefined : linked.exports[slot.step]?.[slot.name])
  const writer = new ArgumentWriter(memoryOf(linked, plan), realloc, entry.options.encoding)
  const { step, text } = given
  // Each call is a task of its own, with storage of its own.
  linked.contexts[0]?.fill(0)
  const core = promising(linked, entry)
  let code: unknown
  if (plan.exports.load === undefined) {
    const named = { ...spec, functionName: step }
    const none = new Uint8Array(0)
    const event = { ...nobody, spec: named, payload: none, requestId: text, invokedFunctionArn: '' }
    code = await core(writer.write(event, '', 0))
  } else code = await core(...writer.texts(step, text))
  if (entry.callback === null) return
  const callback = promising(linked, entry.callback)
  // One that waits, waits for ever: init has nothing that could come.
  while ((Number(code ?? callbackExit) & 0xf) === callbackYield) code = await callback(0, 0, 0)
}

/** What takes the code: of functions that are called with events it is `handle` itself. */
function entryOf({ exports: { handle, load = handle } }: EnginePlan) {
  if (load === undefined || load.lift === 'sync') throw new ThawError('Build', 'The loader has no entry')
  return load
}

function memoryOf(linked: Linked, plan: EnginePlan): WebAssembly.Memory {
  const slot = plan.memories[entryOf(plan).options.memory ?? -1]
  const memory: unknown = slot === undefined ? undefined : linked.exports[slot.step]?.[slot.name]
  if (memory instanceof WebAssembly.Memory) return memory
  throw new ThawError('Build', 'The loader has no memory')
}

function promising(linked: Linked, { step, name }: { step: number; name: string }) {
  const core: unknown = linked.exports[step]?.[name]
  if (!isCallable(core)) throw new ThawError('Build', `The loader has no ${name}`)
  return WebAssembly.promising(core)
}

function isCallable(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function'
}

/** Init has no invocation: the loader looks at nothing but the event. */
const nobody = { clientContext: undefined, tenantId: undefined, traceId: undefined, signal: undefined }
const spec: FunctionSpec = {
  deployment: 0,
  accountId: '',
  functionName: '',
  version: '',
  functionArn: '',
  runtime: '',
  memoryMb: 0,
  timeoutMs: 0,
  ephemeralStorageMb: 0,
  environment: {},
  egress: [],
  engine: '',
  snapshot: '',
  initDurationMs: 0,
  logGroup: '',
}
