/** One build from the uploaded package to artifacts. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PackageBundle, writeBundle } from '../snapshot/package-bundle.ts'
import { packageRoot } from '../wasi/fs/package-files.ts'
import { readBase } from './base/base.ts'
import { buildInBase, isForBase, javascriptRoundToPages } from './base/build.ts'
import { UnsuitableBundle } from './base/loader.ts'
import type { Built, Job } from './builder-protocol.ts'
import { componentToArtifacts } from './component.ts'
import { buildComponent } from './languages/languages.ts'
import { openLayers } from './layers.ts'
import { openPackage, unzippedBytesOf } from './package.ts'

/** Into the job's staging folder. In a builder process. Errors: `Build`, `InvalidParameterValue`; `NeedsBase`. */
export async function runJob(job: Job): Promise<Built> {
  const { runtime, handler, codePath, layerPaths, bases, stagingFolder, limits } = job
  const opened = await openPackage(await readFile(codePath), limits)
  const layers = await openLayers(layerPaths, unzippedBytesOf(opened), limits)
  let { workFolder } = job
  if (bases !== undefined && isForBase(runtime, opened)) {
    const { event, http } = bases
    const available = { event: () => readBase(event), http: http === undefined ? undefined : () => readBase(http) }
    try {
      return await buildInBase(available, { ...job, files: opened.files, layers })
    } catch (error) {
      if (!(error instanceof UnsuitableBundle)) throw error
      process.stderr.write(`built in the ordinary way: ${error.message}\n`)
      workFolder = join(workFolder, 'ordinary')
      await mkdir(workFolder)
    }
  }
  const made = await buildComponent({ runtime, opened, layers, handler, workFolder, limits })
  const files =
    made.files === undefined || made.files.size === 0 ? undefined : await writeBundle(stagingFolder, made.files)
  using bundle = files === undefined ? undefined : PackageBundle.open(stagingFolder, files)
  const artifacts = await componentToArtifacts(made.component, {
    artifactsDir: stagingFolder,
    limits,
    ...(bundle !== undefined && { package: packageRoot(bundle) }),
    roundToPages: runtime.startsWith('nodejs') ? javascriptRoundToPages : 1,
  })
  return {
    ...artifacts,
    ...(files !== undefined && { files }),
    // JavaScript's init ran while the component was made; what capture ran is the rest.
    initMs: made.initMs + artifacts.initMs,
    warnings: [...made.warnings, ...artifacts.warnings],
  }
}
