/** The builder as the controller sees it: a queue of builds, each in a process of its own, and what they made before. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { Runtime } from '../store/records.ts'
import { openBases, type Bases } from './base/bases.ts'
import { openBuildRecords } from './build-records.ts'
import { runBuilder } from './builder-process.ts'
import type { Built, Job } from './builder-protocol.ts'
import { publishArtifacts } from './publish.ts'

export interface BuildRequest {
  runtime: Runtime
  handler: string
  /** Absolute path of the uploaded bytes. */
  codePath: string
  /** The same of the layers below it, in order. */
  layerPaths?: readonly string[]
}

export interface BuildOutput extends Built {
  /** An earlier build of the same input was found. */
  cached: boolean
}

export interface Builder extends AsyncDisposable {
  /** Throws `Build` or `InvalidParameterValue` with a reason fit for the function's owner, or the signal's reason. */
  build(request: BuildRequest, signal?: AbortSignal): Promise<BuildOutput>
}

export interface BuilderOptions {
  artifactsDir: string
  tempDir: string
  /** Where what is made once per version of Thaw is kept; several builders may share it. Left out: with the artifacts. */
  cacheDir?: string
  limits: Limits
  logger?: { warn(fields: Record<string, unknown>, message: string): void }
  /** Process ids of the children, for tests and for whoever watches. */
  onChild?: (pid: number) => void
}

/** One input being built; all who ask for it meanwhile share it, and it ends when none of them waits any more. */
interface Running {
  promise: Promise<Built>
  waiting: number
  controller: AbortController
}

const workPrefix = 'build-'
const stagingPrefix = '.staging-'

export const defaultCacheDir = (artifactsDir: string): string => join(artifactsDir, 'bases')

/** What a job is given of JavaScript's bases; `needed`: what it has asked for. Undefined: it is built without. */
export async function basesFor(bases: Bases, { runtime }: BuildRequest, needed?: 'http'): Promise<Job['bases']> {
  const event = runtime.startsWith('nodejs') ? await bases.path('event') : undefined
  const http = needed === undefined ? await bases.find('http') : await bases.path('http')
  if (event === undefined || (http === undefined && needed !== undefined)) return undefined
  return { event, ...(http !== undefined && { http }) }
}

export function createBuilder(options: BuilderOptions): Builder {
  const { artifactsDir, tempDir, cacheDir = defaultCacheDir(artifactsDir), limits, logger, onChild } = options
  const bases = openBases({ cacheDir, limits, logger })
  const records = openBuildRecords(artifactsDir)
  const running = new Map<string, Running>()
  const queue: (() => void)[] = []
  let active = 0
  let disposed = false

  /** Once: what a controller that was killed left half done. One controller owns these folders at a time. */
  let swept: Promise<void> | undefined
  async function sweep(): Promise<void> {
    await mkdir(tempDir, { recursive: true })
    await mkdir(artifactsDir, { recursive: true })
    for (const [folder, prefix] of [
      [tempDir, workPrefix],
      [artifactsDir, stagingPrefix],
    ] as const) {
      for (const name of await readdir(folder)) {
        if (name.startsWith(prefix)) await rm(join(folder, name), { recursive: true, force: true })
      }
    }
  }

  async function takeSlot(signal: AbortSignal): Promise<void> {
    if (active < limits.builds) {
      active += 1
      return
    }
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        queue.splice(queue.indexOf(start), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      queue.push(start)
    })
  }

  /** The slot goes to the next in line; `active` counts it on. */
  function releaseSlot(): void {
    const next = queue.shift()
    if (next === undefined) active -= 1
    else next()
  }

  async function buildNew(key: string, request: BuildRequest, signal: AbortSignal): Promise<Built> {
    signal.throwIfAborted()
    await takeSlot(signal)
    // Staged on the artifacts' own file system: publishing is then a rename.
    const staging = join(artifactsDir, stagingPrefix + randomUUID())
    let workFolder: string | undefined
    try {
      await (swept ??= sweep())
      workFolder = await mkdtemp(join(tempDir, workPrefix))
      await mkdir(staging, { recursive: true })
      const folder = workFolder
      const run = async (given: Job['bases'], own: string) => {
        await mkdir(own)
        const { runtime, handler, codePath, layerPaths = [] } = request
        const job = { kind: 'function' as const, runtime, handler, codePath, layerPaths: [...layerPaths] }
        return runBuilder({
          job: {
            ...job,
            ...(given !== undefined && { bases: given }),
            workFolder: own,
            stagingFolder: staging,
            limits,
          },
          limits,
          signal,
          ...(onChild === undefined ? {} : { onStart: onChild }),
          onStderr: (stderr) => logger?.warn({ runtime: request.runtime, stderr }, 'the builder failed'),
        })
      }
      let answer = await run(await basesFor(bases, request), join(folder, 'first'))
      if (answer.kind === 'needs-base')
        answer = await run(await basesFor(bases, request, answer.base), join(folder, 'second'))
      if (answer.kind !== 'built') throw new ThawError('Build', 'The builder built something else')
      const { built } = answer
      await publishArtifacts(staging, artifactsDir, built)
      await records.write(key, built)
      return built
    } finally {
      await rm(staging, { recursive: true, force: true })
      if (workFolder !== undefined) await rm(workFolder, { recursive: true, force: true })
      releaseSlot()
    }
  }

  function share(key: string, request: BuildRequest): Running {
    const known = running.get(key)
    if (known !== undefined) return known
    const controller = new AbortController()
    const entry: Running = { promise: buildNew(key, request, controller.signal), waiting: 0, controller }
    const forget = () => {
      if (running.get(key) === entry) running.delete(key)
    }
    entry.promise.then(forget, forget)
    running.set(key, entry)
    return entry
  }

  const assertOpen = () => {
    if (disposed) throw new ThawError('Unavailable', 'The builder has been closed')
  }

  return {
    async build(request, signal) {
      assertOpen()
      signal?.throwIfAborted()
      const key = await keyOf(request)
      const known = await records.read(key)
      if (known !== undefined) return { ...known, cached: true }
      signal?.throwIfAborted()
      assertOpen()
      const entry = share(key, request)
      entry.waiting += 1
      try {
        return { ...(await unlessAborted(entry.promise, signal)), cached: false }
      } finally {
        entry.waiting -= 1
        if (entry.waiting === 0) {
          // Nobody joins a build that is about to be ended.
          if (running.get(key) === entry) running.delete(key)
          entry.controller.abort(new ThawError('Build', 'The build was cancelled'))
        }
      }
    },

    async [Symbol.asyncDispose]() {
      disposed = true
      const open = [...running.values()]
      for (const { controller } of open) controller.abort(new ThawError('Unavailable', 'The builder has been closed'))
      await Promise.allSettled(open.map(({ promise }) => promise))
      await bases[Symbol.asyncDispose]()
    },
  }
}

/** The same input, built by the same tools, is the same build. Throws `Artifact` if the upload cannot be read. */
async function keyOf({ runtime, handler, codePath, layerPaths = [] }: BuildRequest): Promise<string> {
  const packages: string[] = []
  for (const path of [codePath, ...layerPaths]) packages.push(await digestOf(path))
  return createHash('sha256')
    .update(JSON.stringify([runtime, handler, ...packages]))
    .digest('hex')
}

async function digestOf(path: string): Promise<string> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  } catch (cause) {
    throw new ThawError('Artifact', 'The uploaded package is missing', { cause })
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
