import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { createBuilder } from '../build/builder.ts'
import { configFromEnvironment } from '../config.ts'
import { snapshotPaths } from '../snapshot/manifest.ts'
import { jsonOption, type JsonOptions } from './options.ts'
import { packProject } from './project/pack.ts'
import { readProject, type Project } from './project/project.ts'
import { withFrames } from './project/source-frame.ts'
import { userCacheDir } from './project/user-cache.ts'
import { bytesText, msText, note, printResult, withProgress } from './terminal.ts'

/** What a disk block is to stat(2), on every system. */
const blockBytes = 512

export interface BuildReport {
  name: string
  runtime: string
  packageBytes: number
  engine: string
  snapshot: string
  /** What the snapshot takes on disk: its memory without the pages that are zero. */
  snapshotBytes: number
  /** What the function's memory limit must hold at least. */
  memoryBytes: number
  initMs: number
  durationMs: number
  warnings: string[]
}

export function buildCommand(): Command {
  return new Command('build')
    .description('build a folder as the server would, and say what comes out')
    .argument('[folder]', 'where its thaw.json is', '.')
    .addOption(jsonOption())
    .action(async (folder: string, options: JsonOptions) => {
      const project = readProject(folder)
      const report = await withProgress(`Building ${project.name}`, withFrames(project.folder, build(project)))
      for (const warning of report.warnings) note(`warning: ${warning}`)
      printResult(options, report, () => [
        `Built ${report.name} for ${report.runtime} in ${msText(report.durationMs)}`,
        `Package   ${bytesText(report.packageBytes)}`,
        `Engine    ${report.engine.slice(0, 16)}`,
        `Snapshot  ${report.snapshot.slice(0, 16)}, ${bytesText(report.snapshotBytes)} of ${bytesText(report.memoryBytes)}`,
        `Init      ${msText(report.initMs)}`,
      ])
    })
}

async function build(project: Project): Promise<BuildReport> {
  const began = performance.now()
  const { limits } = configFromEnvironment(process.env)
  const folder = await mkdtemp(join(tmpdir(), 'thaw-build-'))
  try {
    const zip = await packProject(project)
    const codePath = join(folder, 'package.zip')
    await writeFile(codePath, zip)
    const artifactsDir = join(folder, 'artifacts')
    await using builder = createBuilder({
      artifactsDir,
      tempDir: join(folder, 'tmp'),
      cacheDir: userCacheDir(),
      limits,
    })
    const { runtime, handler } = project
    const built = await builder.build({ runtime, handler, codePath })
    const { blocks } = await stat(snapshotPaths(artifactsDir, built.snapshot).image)
    return {
      name: project.name,
      runtime,
      packageBytes: zip.length,
      engine: built.engine,
      snapshot: built.snapshot,
      snapshotBytes: blocks * blockBytes,
      memoryBytes: built.snapshotMemoryBytes,
      initMs: built.initMs,
      durationMs: Math.round(performance.now() - began),
      warnings: built.warnings,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
