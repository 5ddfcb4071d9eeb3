/**
 * `nodejs22.x`, `nodejs24.x`: JavaScript and TypeScript in QuickJS. The package is bundled to one module and evaluated
 * once, here, inside the engine's sandbox; what the component holds is the engine after that.
 */
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { componentize } from 'componentize-qjs'
import { ThawError } from '../../errors.ts'
import { guestSdk } from '../guest-sdk.ts'
import { handlerFile, parseHandlerName } from '../handler-name.ts'
import { writePackage } from '../package.ts'
import { bundle, type Bundle, type BundledLayers, type BundleForm } from './bundle.ts'
import { describeInitFailure, readInitMark } from './init-mark.ts'
import type { BuiltComponent, SourcePackage } from './language.ts'

/** In the order in which they are tried. */
const extensions = ['.mjs', '.js', '.cjs', '.ts', '.mts', '.cts', '.tsx', '.jsx']

/** What the guest's stack traces call the bundle. */
const bundleName = 'var/task/bundle.mjs'

export interface JavaScriptPackage extends SourcePackage {
  /** Lambda looks for a layer's packages in `nodejs/node<major>` too. */
  nodeMajor?: string
}

/** Errors: `Build`, with the reason as the function's owner needs it. */
export async function buildJavaScript(source: JavaScriptPackage): Promise<BuiltComponent> {
  const component = await evaluate(await bundlePackage(source, 'split'), source.workFolder)
  return { component, ...initReport(component) }
}

/** How long init took, ms, and what is to be said of it, by what it left in `image`. */
export function initReport(image: Uint8Array): { initMs: number; warnings: string[] } {
  const { initMs, usedRandomness } = readInitMark(image)
  const warnings = usedRandomness
    ? ['Init used randomness: what it made is the same in every invocation, as each starts from the snapshot.']
    : []
  return { initMs, warnings }
}

/** The package and the guest SDK as one module, or as few. Errors: `Build`. */
export async function bundlePackage(source: JavaScriptPackage, form: BundleForm = 'single'): Promise<Bundle> {
  const name = parseHandlerName(source.handler)
  const file = handlerFile(name, extensions, (path) => source.files.has(path))
  const folder = join(source.workFolder, 'package')
  await mkdir(folder)
  await writePackage(source.files, folder)
  const layers = await writeLayers(source)
  const { base, exported } = name
  return bundle({ folder: await realpath(folder), layers, file, base, exported }, form)
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
  try {
    const { component } = await componentize({
      witPath: guestSdk.wit,
      world: 'javascript',
      jsSource: bundled.code,
      jsPath,
      moduleRoot,
      // Without the component model's async ABI a call is a third as long (docs/architecture.md).
      sync: true,
    })
    wipe(component, bundled.code)
    return component
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new ThawError('Build', describeInitFailure(text), { cause })
  }
}

/** What malloc may have written at the ends of a block it has got back. */
const blockEndBytes = 64

/** The source that the engine was given has been freed by then, but its bytes are in the image all the same. */
function wipe(component: Uint8Array, source: string): void {
  const bytes = Buffer.from(component.buffer, component.byteOffset, component.byteLength)
  const text = Buffer.from(source).subarray(blockEndBytes, -blockEndBytes)
  if (text.length === 0) return
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at)) bytes.fill(0, at, at + text.length)
}
