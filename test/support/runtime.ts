/** A runtime in this process, with a real epoch, and functions deployed to it from components. */
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readBase, type Base } from '../../src/build/base/base.ts'
import { openBases } from '../../src/build/base/bases.ts'
import { buildInBase, javascriptRoundToPages } from '../../src/build/base/build.ts'
import type { HandlerKind } from '../../src/build/languages/handler-kind.ts'
import { componentToArtifacts, type ComponentArtifacts } from '../../src/build/component.ts'
import { configFromEnvironment, type Config, type Limits } from '../../src/config.ts'
import { createRuntime, type FunctionRuntime } from '../../src/instance/runtime.ts'
import type { HttpExchange } from '../../src/http/message.ts'
import type { FunctionFailure, FunctionSpec, Invocation, InvocationResult } from '../../src/invocation.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'
import { startTicker } from '../../src/memory/ticker.ts'
import { openExchange } from '../../src/worker/streaming/event-exchange.ts'
import { toolchain, type SourceFunction } from './build-cache.ts'
import { testCacheDir } from './cache-dir.ts'

const root = join(import.meta.dirname, '..', '..')

export interface TestRuntimeOptions {
  limits?: Partial<Limits>
  restore?: Config['restore']
  verifyResets?: boolean
  /** A folder of this runtime's own, removed with it, instead of the cache that all tests share. */
  ownArtifacts?: boolean
}

export interface InvokeOptions {
  signal?: AbortSignal
  requestId?: string
  clientContext?: string
  tenantId?: string
  traceId?: string
  /** On an instance that is held for provisioned concurrency. */
  provisioned?: boolean
  http?: HttpExchange
}

export interface TestRuntime extends AsyncDisposable {
  readonly runtime: FunctionRuntime
  readonly config: Config
  readonly artifactsDir: string
  readonly page: SharedPage
  /** What the checking mode found. */
  readonly impurities: string[]
  deploy(code: Uint8Array | SourceFunction, overrides?: Partial<FunctionSpec>): Promise<FunctionSpec>
  invoke(spec: FunctionSpec, payload?: string | Uint8Array, options?: InvokeOptions): Promise<InvocationResult>
}

export async function testRuntime(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
  const defaults = configFromEnvironment({})
  const config: Config = {
    ...defaults,
    restore: options.restore ?? 'auto',
    verifyResets: options.verifyResets ?? true,
    limits: { ...defaults.limits, ...options.limits },
  }
  const ownFolder = options.ownArtifacts === true ? await mkdtemp(join(tmpdir(), 'thaw-artifacts-')) : undefined
  const artifactsDir = ownFolder ?? cacheFolder()
  await mkdir(artifactsDir, { recursive: true })
  const page = SharedPage.anonymous()
  page.tick()
  // No worker is attached, so the ticker has nobody to kill: an unstoppable guest hangs the test, which fails by its timeout.
  const ticker = startTicker({ page, workers: 1, graceMs: 60_000, onStuck: () => undefined })
  const impurities: string[] = []
  const runtime = createRuntime({
    artifactsDir,
    page,
    workerIndex: 0,
    config,
    onImpure: (difference) => impurities.push(difference),
  })
  let deployments = 0
  return {
    runtime,
    config,
    artifactsDir,
    page,
    impurities,
    async deploy(code, overrides = {}) {
      const artifacts = await artifactsOf(code, artifactsDir, defaults.limits)
      return functionSpec(artifacts, ++deployments, overrides)
    },
    async invoke(spec, payload = '', invokeOptions = {}) {
      const invocation = invocationOf(spec, payload, invokeOptions)
      const isEvent = spec.entry !== undefined && invocation.http === undefined
      // As a worker does for Invoke.
      const exchange = isEvent ? openExchange(invocation, config.limits.responseBytes) : undefined
      const result = await runtime.invoke(invocation, invokeOptions.provisioned)
      return exchange === undefined ? result : exchange.resultOf(result)
    },
    async [Symbol.asyncDispose]() {
      runtime[Symbol.dispose]()
      await ticker.stop()
      page[Symbol.dispose]()
      if (ownFolder !== undefined) await rm(ownFolder, { recursive: true, force: true })
    },
  }
}

export function functionSpec(
  artifacts: Pick<ComponentArtifacts, 'engine' | 'snapshot' | 'initMs' | 'entry'>,
  deployment: number,
  overrides: Partial<FunctionSpec> = {},
): FunctionSpec {
  const functionName = `function-${deployment}`
  return {
    deployment,
    accountId: '000000000000',
    functionName,
    version: '$LATEST',
    functionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    runtime: 'provided.component',
    memoryMb: 128,
    timeoutMs: 10_000,
    ephemeralStorageMb: 512,
    environment: {},
    egress: [],
    engine: artifacts.engine,
    snapshot: artifacts.snapshot,
    ...(artifacts.entry !== undefined && { entry: artifacts.entry }),
    initDurationMs: artifacts.initMs,
    logGroup: `/aws/lambda/${functionName}`,
    ...overrides,
  }
}

export function invocationOf(
  spec: FunctionSpec,
  payload: string | Uint8Array = '',
  options: InvokeOptions = {},
): Invocation {
  return {
    requestId: options.requestId ?? crypto.randomUUID(),
    spec,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    invokedFunctionArn: spec.functionArn,
    clientContext: options.clientContext,
    tenantId: options.tenantId,
    traceId: options.traceId,
    signal: options.signal,
    http: options.http,
  }
}

/** The payload of a success, as text. Throws the failure otherwise, so that a test shows it. */
export function payloadText({ outcome }: InvocationResult): string {
  if (outcome.kind === 'success') return Buffer.from(outcome.payload).toString()
  throw new Error(`the function failed: ${outcome.failure.errorType}: ${outcome.failure.errorMessage}`)
}

/** The failure. Throws if there is none. */
export function failureOf({ outcome }: InvocationResult): FunctionFailure {
  if (outcome.kind === 'failure') return outcome.failure
  throw new Error(`the function succeeded: ${Buffer.from(outcome.payload).toString().slice(0, 200)}`)
}

/** Built once for all tests that use the same folder. */
async function artifactsOf(
  code: Uint8Array | SourceFunction,
  artifactsDir: string,
  limits: Limits,
): Promise<ComponentArtifacts> {
  const memo = join(artifactsDir, `${digestOf(code)}.json`)
  if (existsSync(memo)) {
    const known: ComponentArtifacts = JSON.parse(await readFile(memo, 'utf8'))
    return known
  }
  const artifacts =
    code instanceof Uint8Array
      ? await componentToArtifacts(code, { artifactsDir, limits, roundToPages: roundToPages(code) })
      : await functionToArtifacts(code, artifactsDir, limits)
  const staging = `${memo}.${crypto.randomUUID()}.tmp`
  await writeFile(staging, JSON.stringify(artifacts))
  await rename(staging, memo)
  return artifacts
}

/** As the builder does it: QuickJS grows its memory in small steps, so sizes are rounded for functions to share. */
const roundToPages = (component: Uint8Array): number => (component.length > 1_000_000 ? javascriptRoundToPages : 1)

function digestOf(code: Uint8Array | SourceFunction): string {
  const hash = createHash('sha256')
  if (code instanceof Uint8Array) return hash.update(code).digest('hex')
  hash.update(toolchain()).update(code.handler)
  for (const [path, bytes] of code.files) hash.update(`\n${path} ${bytes.length}\n`).update(bytes)
  return hash.digest('hex')
}

const bases: Partial<Record<HandlerKind, Promise<Base>>> = {}

/** A build of it. Errors: as a builder's. */
export async function functionToArtifacts(
  { files, handler }: SourceFunction,
  artifactsDir: string,
  limits: Limits,
): Promise<ComponentArtifacts> {
  const open = (kind: HandlerKind) => () => (bases[kind] ??= openBase(kind, limits))
  const workFolder = await mkdtemp(join(tmpdir(), 'thaw-fixture-'))
  try {
    const job = { runtime: 'nodejs24.x', handler, workFolder, stagingFolder: artifactsDir, limits } as const
    const { entry, ...built } = await buildInBase(
      { event: open('event'), http: open('http') },
      { ...job, files, layers: new Map() },
    )
    return { ...built, ...(entry !== undefined && { entry }) }
  } finally {
    await rm(workFolder, { recursive: true, force: true })
  }
}

async function openBase(kind: HandlerKind, limits: Limits): Promise<Base> {
  await using opened = openBases({ cacheDir: testCacheDir, limits })
  const path = await opened.path(kind)
  if (path === undefined) throw new Error('The base of JavaScript functions could not be made')
  return readBase(path)
}

/** Named by the code that makes artifacts: when that changes, everything is built anew. */
function cacheFolder(): string {
  const hash = createHash('sha256')
  for (const file of globSync(['src/{build,instance,snapshot,wasi}/**/*.ts', 'package-lock.json'], {
    cwd: root,
  }).toSorted())
    hash.update(file).update(readFileSync(join(root, file)))
  return join(root, 'node_modules', '.cache', 'thaw', 'artifacts', hash.digest('hex').slice(0, 16))
}
