/** Stand-ins for the builder and the data plane, which other folders own: real enough to hold, fail and record. */
import { join } from 'node:path'
import { pino } from 'pino'
import { configSchema, type Config } from '../../src/config.ts'
import type {
  Builder,
  BuildOutput,
  BuildRequest,
  DataPlane,
  DataPlaneChange,
} from '../../src/functions/collaborators.ts'
import { createControlPlane as assemble, type ControlPlane as Assembled } from '../../src/controller/control-plane.ts'
import type { InvokeFunction } from '../../src/events/invoking.ts'
import type { CreateFunctionInput, UpdateConfigurationInput } from '../../src/functions/inputs.ts'
import { openArtifacts, type Artifacts } from '../../src/store/artifacts.ts'
import { openDatabase, type Database } from '../../src/store/database.ts'

export const accountId = '111111111111'
export const region = 'us-east-1'
export const logger = pino({ level: 'silent' })

/** Whatever starts with PK; nothing here looks further. */
export const zip = (content = 'one') => Buffer.from(`PK${content}`)

/** A gate that tests close and open; what passes waits while it is closed. */
export function createGate() {
  let opened = Promise.resolve()
  let open = () => {}
  return {
    close: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      opened = promise
      open = resolve
    },
    open: () => open(),
    pass: () => opened,
  }
}

export class FakeBuilder implements Builder {
  readonly requests: BuildRequest[] = []
  readonly gate = createGate()
  snapshotMemoryBytes = 1_048_576
  failure: Error | undefined

  async build(request: BuildRequest, signal?: AbortSignal): Promise<BuildOutput> {
    this.requests.push(request)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => reject(new Error('aborted')))
    await Promise.race([this.gate.pass(), aborted])
    if (this.failure !== undefined) throw this.failure
    const snapshot = `snapshot of ${request.handler} ${request.codePath.slice(-64)}`
    const { snapshotMemoryBytes } = this
    return { engine: 'engine', snapshot, snapshotMemoryBytes, initMs: 2, warnings: [], cached: false }
  }
}

export class FakeDataPlane implements DataPlane {
  readonly changes: DataPlaneChange[] = []
  /** Those whose `publish` has resolved. */
  readonly acknowledged: DataPlaneChange[] = []
  readonly gate = createGate()
  failure: Error | undefined

  async publish(change: DataPlaneChange): Promise<void> {
    this.changes.push(change)
    await this.gate.pass()
    if (this.failure !== undefined) throw this.failure
    this.acknowledged.push(change)
  }

  /** Allocated at once, as far as it was told. */
  async provisioned(target: { accountId: string; functionName: string; qualifier: string }): Promise<number> {
    const told = this.acknowledged.findLast(
      (change) =>
        'provision' in change &&
        change.provision.functionName === target.functionName &&
        change.provision.qualifier === target.qualifier,
    )
    return told !== undefined && 'provision' in told ? told.provision.concurrency : 0
  }
}

/** What runs on the workers as far as they were told. */
export function running(dataPlane: FakeDataPlane): Record<string, number> {
  const specs: Record<string, number> = {}
  for (const change of dataPlane.changes)
    if ('put' in change) specs[change.put.functionName] = change.put.deployment
    else if ('remove' in change) delete specs[change.remove.functionName]
    else if ('removeFunction' in change) delete specs[change.removeFunction.functionName]
  return specs
}

/** The real control plane over a real store, with these stand-ins for processes. */
export interface ControlPlane extends Assembled {
  database: Database
  artifacts: Artifacts
  builder: FakeBuilder
  dataPlane: FakeDataPlane
  config: Config
  directory: string
}

export interface ControlPlaneSettings {
  limits?: Record<string, number>
  config?: Record<string, unknown>
  now?: () => Date
  invoke?: InvokeFunction
}

export async function createControlPlane(
  directory: string,
  settings: ControlPlaneSettings = {},
): Promise<ControlPlane> {
  const config = configSchema.parse({
    dataDir: directory,
    accountId,
    region,
    limits: settings.limits ?? {},
    ...settings.config,
  })
  const database = openDatabase({ path: join(directory, 'thaw.db') })
  const artifacts = await openArtifacts({ directory: join(directory, 'artifacts') })
  const builder = new FakeBuilder()
  const dataPlane = new FakeDataPlane()
  const clock = { now: settings.now ?? (() => new Date()) }
  const invoke = settings.invoke ?? (async () => ({ kind: 'unavailable', message: 'no data plane' }))
  const plane = await assemble({ database, artifacts, builder, dataPlane, invoke, config, clock, logger })
  return {
    ...plane,
    database,
    artifacts,
    builder,
    dataPlane,
    config,
    directory,
    async [Symbol.asyncDispose]() {
      await plane[Symbol.asyncDispose]()
      database[Symbol.dispose]()
    },
  }
}

export const nothing: UpdateConfigurationInput = {
  runtime: undefined,
  handler: undefined,
  role: undefined,
  description: undefined,
  timeoutSeconds: undefined,
  memoryMb: undefined,
  environment: undefined,
  ephemeralStorageMb: undefined,
  tracingMode: undefined,
  snapStartApplyOn: undefined,
  logGroup: undefined,
  deadLetterTargetArn: undefined,
  layers: undefined,
  egress: undefined,
  revisionId: undefined,
}

export const creation = (overrides: Partial<CreateFunctionInput> = {}): CreateFunctionInput => ({
  ...nothing,
  runtime: 'nodejs24.x',
  handler: 'index.handler',
  role: 'arn:aws:iam::111111111111:role/r',
  zipFile: zip(),
  architecture: undefined,
  tags: {},
  publish: false,
  ...overrides,
})
