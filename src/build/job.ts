/** One build from the uploaded package to artifacts. */
import { readFile } from 'node:fs/promises'
import type { Built, Job } from './builder-protocol.ts'
import { componentToArtifacts } from './component.ts'
import { buildComponent } from './languages/languages.ts'
import { openLayers } from './layers.ts'
import { openPackage, unzippedBytesOf } from './package.ts'

/** 1 MiB. */
export const javascriptRoundToPages = 16

/** Into the job's staging folder. In a builder process. Errors: `Build`, `InvalidParameterValue`. */
export async function runJob({ runtime, handler, codePath, layerPaths, ...job }: Job): Promise<Built> {
  const { workFolder, stagingFolder, limits } = job
  const opened = await openPackage(await readFile(codePath), limits)
  const layers = await openLayers(layerPaths, unzippedBytesOf(opened), limits)
  const made = await buildComponent({ runtime, opened, layers, handler, workFolder, limits })
  const artifacts = await componentToArtifacts(made.component, {
    artifactsDir: stagingFolder,
    limits,
    // All JavaScript functions share an engine: with memories of the same sizes, also each other's idle instances.
    roundToPages: runtime.startsWith('nodejs') ? javascriptRoundToPages : 1,
  })
  return {
    ...artifacts,
    // JavaScript's init ran while the component was made; what capture ran is the rest.
    initMs: made.initMs + artifacts.initMs,
    warnings: [...made.warnings, ...artifacts.warnings],
  }
}
