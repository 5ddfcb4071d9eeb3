/** A JavaScript package to artifacts, by a base. In a builder process. */
import { ThawError } from '../../errors.ts'
import { writeSnapshot } from '../../snapshot/image.ts'
import type { Built, Job } from '../builder-protocol.ts'
import { writeEngine } from '../component.ts'
import { engineOf } from '../engine-choice.ts'
import { describeInitFailure } from '../languages/init-mark.ts'
import type { Bundle } from '../languages/bundle.ts'
import { assertFetch } from '../languages/handler-kind.ts'
import { bundlePackage, byKind, initReport } from '../languages/javascript.ts'
import type { Package } from '../package.ts'
import type { Base } from './base.ts'
import { evaluate } from './evaluate.ts'
import { loaderCalls, UnsuitableBundle } from './loader.ts'

/** 1 MiB. All JavaScript functions share an engine: with memories of the same sizes, also each other's idle instances. */
export const javascriptRoundToPages = 16

export interface BaseBuild extends Pick<Job, 'runtime' | 'handler' | 'workFolder' | 'stagingFolder' | 'limits'> {
  files: ReadonlyMap<string, Uint8Array>
  layers: ReadonlyMap<string, Uint8Array>
}

/** Whether the base can take it at all. Errors: as `engineOf`. */
export function isForBase(runtime: string, opened: Package): opened is Package & { kind: 'files' } {
  return runtime.startsWith('nodejs') && opened.kind === 'files' && engineOf(opened) === 'quickjs'
}

/** The bases there are. The one for HTTP is made when it is first needed. */
export interface AvailableBases {
  event(): Promise<Base>
  http?: (() => Promise<Base>) | undefined
}

/** The function can only be built in a base that was not given. */
export class NeedsBase extends Error {
  override readonly name = 'NeedsBase'
  readonly base = 'http'
}

/** Errors: `Build`; `UnsuitableBundle`: an ordinary build is to say what becomes of it; `NeedsBase`. */
export function buildInBase(bases: AvailableBases, build: BaseBuild): Promise<Built> {
  return byKind(build, async (source) => {
    const { limits, stagingFolder, runtime, ...rest } = { ...build, ...source }
    const nodeMajor = /^nodejs(\d+)\.x$/.exec(runtime)?.[1] ?? ''
    const bundled = await bundlePackage({ ...rest, limits, nodeMajor }, 'scripts')
    if (bundled.kind === 'http' && bases.http === undefined) throw new NeedsBase()
    const base = await (bundled.kind === 'http' ? bases.http : bases.event)?.()
    if (base === undefined) throw new NeedsBase()
    return artifactsOf(base, bundled, { limits, stagingFolder })
  })
}

async function artifactsOf(
  base: Base,
  bundled: Bundle,
  { limits, stagingFolder }: Pick<BaseBuild, 'limits' | 'stagingFolder'>,
): Promise<Built> {
  const { engine, manifest, full } = base
  const options = { hash: engine, manifest, full, limits, roundToPages: javascriptRoundToPages }
  const captured = await evaluate({ ...options, calls: loaderCalls(bundled) }).catch((cause: unknown) => {
    if (cause instanceof UnsuitableBundle) throw cause
    const text = cause instanceof Error ? cause.message : String(cause)
    assertFetch(text)
    throw new ThawError('Build', describeInitFailure(text), { cause })
  })
  await writeEngine(stagingFolder, engine, base.text, base.lean)
  // Named by its state alone: how long init took this time would give every build of the same input another snapshot.
  const snapshot = await writeSnapshot(stagingFolder, { engine, ...captured, initMs: 0 })
  const sizes = captured.memories.map(({ bytes }) => bytes.length)
  const largest = captured.memories[sizes.indexOf(Math.max(...sizes))]?.bytes ?? new Uint8Array()
  const snapshotMemoryBytes = sizes.reduce((sum, bytes) => sum + bytes, 0)
  const entry = bundled.kind === 'http' ? { entry: 'http-0.3' as const } : {}
  return { ...entry, engine, snapshot, snapshotMemoryBytes, ...initReport(largest, bundled) }
}
