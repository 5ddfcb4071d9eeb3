/**
 * Uploaded packages, by content: `<directory>/code/<sha256 hex>`. A file under its final name is whole and synced:
 * it is written under a temporary name, synced, renamed, and the folder synced. Only the controller writes here.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ThawError } from '../errors.ts'

export interface StoredCode {
  /** Lower-case hex. */
  sha256: string
  sizeBytes: number
  path: string
}

export interface Artifacts {
  /** Idempotent; a damaged file of the same content is replaced by the whole one. */
  putCode(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<StoredCode>
  codePath(sha256: string): string
  /** Throws `Artifact` if the package is missing or its bytes are not those of its name. */
  verifyCode(sha256: string): Promise<void>
  /** Verified bytes, owned by the caller. Throws `Artifact` as above. */
  readCode(sha256: string): Promise<Uint8Array>
  /** Deletes packages that are not in the set. Only while nothing can be uploading: at start. */
  retainCode(wanted: ReadonlySet<string>): Promise<number>
}

const temporaryPrefix = '.tmp-'
const address = /^[0-9a-f]{64}$/

/** Opens or makes the folder and removes what a crash left half written. */
export async function openArtifacts({ directory }: { directory: string }): Promise<Artifacts> {
  const folder = join(directory, 'code')
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder)) if (name.startsWith(temporaryPrefix)) await rm(join(folder, name))

  const codePath = (sha256: string): string => {
    if (!address.test(sha256)) throw new ThawError('Artifact', `Not a content address: ${sha256.slice(0, 80)}`)
    return join(folder, sha256)
  }

  const requireFile = async (sha256: string): Promise<string> => {
    const path = codePath(sha256)
    await access(path).catch((error: unknown) => {
      throw new ThawError('Artifact', `The package ${sha256} is missing: upload it again.`, { cause: error })
    })
    return path
  }

  const checkDigest = (sha256: string, actual: string): void => {
    if (actual !== sha256) throw new ThawError('Artifact', `The package ${sha256} is damaged: upload it again.`)
  }

  return {
    codePath,

    async putCode(content) {
      const temporary = join(folder, `${temporaryPrefix}${randomUUID()}`)
      const hash = createHash('sha256')
      let sizeBytes = 0
      try {
        await using file = await open(temporary, 'wx')
        for await (const chunk of content instanceof Uint8Array ? [content] : content) {
          hash.update(chunk)
          sizeBytes += chunk.length
          await file.writeFile(chunk)
        }
        await file.sync()
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
      const sha256 = hash.digest('hex')
      const path = codePath(sha256)
      await rename(temporary, path)
      await syncFolder(folder)
      return { sha256, sizeBytes, path }
    },

    async verifyCode(sha256) {
      const hash = createHash('sha256')
      await pipeline(createReadStream(await requireFile(sha256)), hash)
      checkDigest(sha256, hash.digest('hex'))
    },

    async readCode(sha256) {
      const bytes = await readFile(await requireFile(sha256))
      checkDigest(sha256, createHash('sha256').update(bytes).digest('hex'))
      return bytes
    },

    async retainCode(wanted) {
      const unwanted = (await readdir(folder)).filter((name) => address.test(name) && !wanted.has(name))
      await Promise.all(unwanted.map((name) => rm(join(folder, name), { force: true })))
      return unwanted.length
    },
  }
}

/** A rename is durable once its folder is (fsync(2)). */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}
