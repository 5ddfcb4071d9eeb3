/** A bundle in an engine that is there: the loader's first call, and what it leaves. */
import type { Limits } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import { ArgumentWriter, liftResult } from '../../instance/handle-abi.ts'
import { coreRealloc, type Linked } from '../../instance/link.ts'
import type { EnginePlan } from '../../instance/plan.ts'
import type { FunctionSpec, Outcome } from '../../invocation.ts'
import { UnsuitableBundle } from './loader.ts'
import { capture, tableNames, type Captured, type CaptureOptions } from '../capture.ts'

export interface EvaluateOptions extends Omit<CaptureOptions, 'evaluation'> {
  limits: Limits
  /** See `scriptOf`. */
  script: string
}

/** Callback codes of an asynchronous lift (CanonicalABI.md, "callback"). */
const callbackExit = 0
const callbackYield = 1

/** Errors: `Build`, with the message of what the script threw; `UnsuitableBundle`. */
export async function evaluate({ script, ...options }: EvaluateOptions): Promise<Captured> {
  const { plan } = options.manifest
  let outcome: Outcome | undefined
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
        await call(fresh, plan, script)
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

async function call(linked: Linked, plan: EnginePlan, script: string): Promise<void> {
  const handle = handleOf(plan)
  const slot = plan.reallocs[handle.options.realloc ?? -1]
  const realloc = coreRealloc(slot === undefined ? undefined : linked.exports[slot.step]?.[slot.name])
  const writer = new ArgumentWriter(memoryOf(linked, plan), realloc, handle.options.encoding)
  const payload = new TextEncoder().encode(script)
  const pointer = writer.write({ ...nobody, spec, payload, requestId: '', invokedFunctionArn: '' }, '', 0)
  let code = Number((await promising(linked, handle)(pointer)) ?? callbackExit)
  if (handle.callback === null) return
  const callback = promising(linked, handle.callback)
  while ((code & 0xf) === callbackYield) code = Number(await callback(0, 0, 0))
}

function handleOf({ exports: { handle } }: EnginePlan) {
  if (handle === undefined || handle.lift === 'sync') throw new ThawError('Build', 'The loader has no handle')
  return handle
}

function memoryOf(linked: Linked, plan: EnginePlan): WebAssembly.Memory {
  const slot = plan.memories[handleOf(plan).options.memory ?? -1]
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
  environment: {},
  engine: '',
  snapshot: '',
  initDurationMs: 0,
  logGroup: '',
}
