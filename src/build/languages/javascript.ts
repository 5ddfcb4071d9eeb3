/**
 * `nodejs22.x`, `nodejs24.x`: JavaScript and TypeScript in QuickJS. The package is bundled to one module and evaluated
 * once, here, inside the engine's sandbox; what the component holds is the engine after that.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { componentize } from 'componentize-qjs'
import { ThawError } from '../../errors.ts'
import { guestSdk } from '../guest-sdk.ts'
import { handlerFile, parseHandlerName } from '../handler-name.ts'
import { writePackage } from '../package.ts'
import {
  bundle,
  TopLevelAwait,
  type Bundle,
  type BundledLayers,
  type BundleForm,
  type BundleRequest,
} from './bundle.ts'
import { assertFetch, NoFetch, worlds } from './handler-kind.ts'
import { describeInitFailure, readInitMark, readWarnings } from './init-mark.ts'
import type { BuiltComponent, SourcePackage } from './language.ts'

/** In the order in which they are tried. */
const extensions = ['.mjs', '.js', '.cjs', '.ts', '.mts', '.cts', '.tsx', '.jsx']

/** What the guest's stack traces call the bundle. */
const bundleName = 'var/task/bundle.mjs'

export interface JavaScriptPackage extends SourcePackage {
  /** Lambda looks for a layer's packages in `nodejs/node<major>` too. */
  nodeMajor?: string
  /** What it is to be called with, whatever it looks like. */
  only?: 'event'
}

/** Errors: `Build`, with the reason as the function's owner needs it. */
export function buildJavaScript(source: JavaScriptPackage): Promise<BuiltComponent> {
  return byKind(source, async (given) => {
    const bundled = await bundlePackage({ ...source, ...given }, 'split')
    const component = await evaluate(bundled, given.workFolder)
    return { component, ...initReport(component, bundled) }
  })
}

/** `build`, and if what was taken for HTTP turns out not to be, once more for events. */
export async function byKind<T>(
  { workFolder }: Pick<JavaScriptPackage, 'workFolder'>,
  build: (source: Pick<JavaScriptPackage, 'workFolder' | 'only'>) => Promise<T>,
): Promise<T> {
  try {
    return await build({ workFolder })
  } catch (error) {
    if (!(error instanceof NoFetch)) throw error
    const again = join(workFolder, 'event')
    await mkdir(again)
    return build({ workFolder: again, only: 'event' })
  }
}

/** How long init took, ms, and what is to be said of it, by what it left in `image`. */
export function initReport(image: Uint8Array, { warnings }: Bundle): { initMs: number; warnings: string[] } {
  const { initMs, reads } = readInitMark(image)
  return { initMs, warnings: [...warnings, ...readWarnings(reads)] }
}

/** The package and the guest SDK. `scripts` that cannot be are a `single` module. Errors: `Build`. */
export async function bundlePackage(source: JavaScriptPackage, form: BundleForm): Promise<Bundle> {
  const request = await bundleRequest(source)
  try {
    return await bundle(request, form)
  } catch (error) {
    if (error instanceof TopLevelAwait) return bundle(request, 'single')
    throw error
  }
}

/** Writes the package and its layers into the work folder. Errors: `Build`, if there is no such handler. */
export async function bundleRequest(source: JavaScriptPackage): Promise<BundleRequest> {
  const name = parseHandlerName(source.handler)
  const file = handlerFile(name, extensions, (path) => source.files.has(path))
  const folder = join(source.workFolder, 'package')
  await mkdir(folder)
  await writePackage(source.files, folder)
  const layers = await writeLayers(source)
  const { base, exported } = name
  return { folder: await realpath(folder), layers, file, base, exported, only: source.only }
}

async function writeLayers({
  layers,
  workFolder,
  nodeMajor = '',
}: JavaScriptPackage): Promise<BundledLayers | undefined> {
  if (layers === undefined || layers.size === 0) return undefined
  const folder = join(workFolder, 'opt')
  await mkdir(folder)
  await writePackage(layers, folder)
  const opt = await realpath(folder)
  // Not a file there is: packages are looked for from its folder upwards.
  return { folder: opt, from: join(opt, 'nodejs', `node${nodeMajor}`, 'from') }
}

async function evaluate(bundled: Bundle, workFolder: string): Promise<Uint8Array> {
  // componentize lets the guest import files below the module root: a folder with nothing else.
  const moduleRoot = join(workFolder, 'root')
  const jsPath = join(moduleRoot, bundleName)
  await mkdir(join(jsPath, '..'), { recursive: true })
  await writeFile(jsPath, '')
  for (const [name, code] of bundled.modules) await writeFile(join(jsPath, '..', name), code)
  const jsSource = bundled.code + unlikeAnyOther()
  try {
    const { component } = await componentize({
      witPath: guestSdk.wit,
      ...worlds[bundled.kind],
      jsSource,
      jsPath,
      moduleRoot,
    })
    wipe(component, jsSource)
    return component
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    assertFetch(text)
    throw new ThawError('Build', describeInitFailure(text), { cause })
  }
}

/** What malloc may have written at the ends of a block it has got back. */
const blockEndBytes = 64

/**
 * A comment that nobody can know before the build: what has it in its middle is a copy of what the engine was given, and
 * nothing of the function's, whose strings might hold the rest word for word. Comments are not kept by the engine.
 */
const unlikeAnyOther = (): string => `\n// ${randomUUID()}${' '.repeat(blockEndBytes)}`

/** The source that the engine was given has been freed by then, but its bytes are in the image all the same. */
function wipe(component: Uint8Array, source: string): void {
  const bytes = Buffer.from(component.buffer, component.byteOffset, component.byteLength)
  const text = Buffer.from(source).subarray(blockEndBytes, -blockEndBytes)
  if (text.length === 0) return
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at)) bytes.fill(0, at, at + text.length)
}
