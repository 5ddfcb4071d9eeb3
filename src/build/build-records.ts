/** What was built before: `builds/<key>.json` under the artifacts folder, trusted only while the artifacts are there. */
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { join } from 'node:path'
import { z } from 'zod'
import { builtSchema, type Built } from './builder-protocol.ts'
import { sdkPackages } from './languages/guest-modules.ts'
import { artifactsExist } from './publish.ts'

/** Raise it when the same input builds to something else: a change to the guest SDK, to rewrite or to capture. */
const builderVersion = 7

/** Packages whose version decides what is built. */
const tools = [
  'componentize-qjs',
  'rolldown',
  'assemblyscript',
  '@bytecodealliance/jco-transpile',
  'wasmparser',
  ...sdkPackages,
]

const versionSchema = z.object({ version: z.string() })

export interface BuildRecords {
  read(input: string): Promise<Built | undefined>
  write(input: string, built: Built): Promise<void>
}

export function openBuildRecords(artifactsDir: string): BuildRecords {
  const folder = join(artifactsDir, 'builds')
  const toolchain = toolVersions()
  const pathOf = (input: string) =>
    join(folder, `${createHash('sha256').update(`${toolchain}\n${input}`).digest('hex')}.json`)

  return {
    async read(input) {
      try {
        const built = builtSchema.parse(JSON.parse(await readFile(pathOf(input), 'utf8')))
        return artifactsExist(artifactsDir, built) ? built : undefined
      } catch {
        // Missing or damaged: it is built again.
        return undefined
      }
    },

    async write(input, built) {
      await mkdir(folder, { recursive: true })
      const temporary = join(folder, `.tmp-${randomUUID()}`)
      try {
        await using file = await open(temporary, 'wx')
        await file.writeFile(JSON.stringify(built))
        await file.sync()
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
      await rename(temporary, pathOf(input))
    },
  }
}

/** Of all that decides what a build makes. */
export function toolVersions(): string {
  const versions = tools.map((name) => {
    const path = findPackageJSON(name, import.meta.url)
    const { version } = versionSchema.parse(path === undefined ? {} : JSON.parse(readFileSync(path, 'utf8')))
    return `${name}@${version}`
  })
  return [builderVersion, ...versions].join(' ')
}
