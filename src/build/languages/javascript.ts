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
import { bundle, type Bundle, type BundledLayers } from './bundle.ts'
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
  const name = parseHandlerName(source.handler)
  const file = handlerFile(name, extensions, (path) => source.files.has(path))
  const folder = join(source.workFolder, 'package')
  await mkdir(folder)
  await writePackage(source.files, folder)
  const layers = await writeLayers(source)
  const { base, exported } = name
  const bundled = await bundle({ folder: await realpath(folder), layers, file, base, exported })
  const component = await evaluate(bundled, source.workFolder)
  const { initMs, usedRandomness } = readInitMark(component)
  const warnings = usedRandomness
    ? ['Init used randomness: what it made is the same in every invocation, as each starts from the snapshot.']
    : []
  return { component, initMs, warnings }
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
  // componentize lets the guest import files below the module root: an otherwise empty folder.
  const moduleRoot = join(workFolder, 'root')
  const jsPath = join(moduleRoot, bundleName)
  await mkdir(join(jsPath, '..'), { recursive: true })
  await writeFile(jsPath, '')
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
    return component
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new ThawError('Build', describeInitFailure(text, bundled.map), { cause })
  }
}
