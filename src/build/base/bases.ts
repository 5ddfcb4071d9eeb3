/** The bases as the controller has them: where they are, each made when it is first asked for and missing. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { limitsSchema, type Limits } from '../../config.ts'
import { toolVersions } from '../build-records.ts'
import { runBuilder } from '../builder-process.ts'
import { witSources } from '../guest-sdk.ts'
import { baseIsWhole } from './base.ts'
import type { HandlerKind } from '../languages/handler-kind.ts'
import { loaderSource } from './loader.ts'

export interface BasesOptions {
  /** Several may share it. */
  cacheDir: string
  limits: Limits
  logger?: { warn(fields: Record<string, unknown>, message: string): void } | undefined
}

export interface Bases extends AsyncDisposable {
  /** Undefined if it cannot be made: the log says why, and functions are built without it. */
  path(kind: HandlerKind): Promise<string | undefined>
  /** The same, but none is made. */
  find(kind: HandlerKind): Promise<string | undefined>
}

export function openBases({ cacheDir, limits, logger }: BasesOptions): Bases {
  const controller = new AbortController()
  const known = new Map<HandlerKind, Promise<string | undefined>>()
  const paths = new Map<HandlerKind, string>()

  function pathOf(kind: HandlerKind): string {
    const made = paths.get(kind)
    if (made !== undefined) return made
    const inputs = JSON.stringify([toolVersions(), loaderSource(kind), witSources(), process.versions.v8])
    const digest = createHash('sha256').update(inputs).digest('hex')
    const path = join(cacheDir, `javascript${kind === 'event' ? '' : `-${kind}`}-${digest}.base`)
    paths.set(kind, path)
    return path
  }

  async function make(kind: HandlerKind): Promise<string> {
    const path = pathOf(kind)
    if (await baseIsWhole(path)) return path
    const staging = join(cacheDir, `.tmp-${randomUUID()}`)
    const workFolder = join(staging, 'work')
    try {
      await mkdir(workFolder, { recursive: true, mode: 0o700 })
      // It is our own code that is built: what bounds tenants is not to keep them from it.
      const { buildMs, buildBytes } = limitsSchema.parse({})
      const roomy = {
        ...limits,
        buildMs: Math.max(limits.buildMs, buildMs),
        buildBytes: Math.max(limits.buildBytes, buildBytes),
      }
      await runBuilder({
        job: { kind: 'base', base: kind, workFolder, stagingFolder: staging, limits: roomy },
        limits: roomy,
        signal: controller.signal,
        onStderr: (stderr) => logger?.warn({ stderr }, 'the JavaScript base could not be made'),
      })
      await rename(join(staging, 'base'), path)
      return path
    } finally {
      await rm(staging, { recursive: true, force: true })
    }
  }

  function path(kind: HandlerKind): Promise<string | undefined> {
    const asked = known.get(kind)
    if (asked !== undefined) return asked
    const asking = make(kind).catch((error: unknown) => {
      // The next build tries again.
      known.delete(kind)
      if (!controller.signal.aborted) logger?.warn({ error: String(error) }, 'JavaScript is built without a base')
      return undefined
    })
    known.set(kind, asking)
    return asking
  }

  return {
    path,
    async find(kind) {
      return known.get(kind) ?? ((await baseIsWhole(pathOf(kind))) ? path(kind) : undefined)
    },
    async [Symbol.asyncDispose]() {
      controller.abort()
      await Promise.all(known.values())
    },
  }
}
