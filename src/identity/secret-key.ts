/** The server's one secret, `<dataDir>/secret.key`, and what is derived from it. Whoever copies the database needs both. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ThawError } from '../errors.ts'

export interface SecretKey {
  /** A key of 32 bytes of its own for each purpose (HKDF, RFC 5869). */
  derive(purpose: string): Uint8Array
}

const keyBytes = 32

/** Made, readable by its owner only, if it is not there. Throws `Config` if the file is something else. */
export async function openSecretKey(dataDir: string): Promise<SecretKey> {
  const path = join(dataDir, 'secret.key')
  const key = (await readIfThere(path)) ?? (await make(dataDir, path))
  if (key.length !== keyBytes)
    throw new ThawError(
      'Config',
      `${path} is to hold ${keyBytes} bytes and holds ${key.length}: restore it from a backup.`,
    )
  return { derive: (purpose) => new Uint8Array(hkdfSync('sha256', key, '', `thaw ${purpose}`, keyBytes)) }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Whole or not at all: written beside, synced, then linked, which fails if another process was faster. */
async function make(dataDir: string, path: string): Promise<Buffer> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const staged = `${path}.${randomBytes(8).toString('hex')}`
  try {
    await using file = await open(staged, 'wx', 0o600)
    await file.writeFile(randomBytes(keyBytes))
    await file.sync()
    await link(staged, path).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
    // The name too has to outlive a power cut: without the key, what was sealed with it is lost.
    await using folder = await open(dataDir)
    await folder.sync()
  } finally {
    await rm(staged, { force: true })
  }
  return readFile(path)
}

export interface Sealer {
  /** `context` is what the text belongs to; it opens with the same only. */
  seal(text: string, context: string): string
  /** Throws `Config` if it was sealed with another key or context, or altered. */
  open(sealed: string, context: string): string
}

/** NIST SP 800-38D: 96 bits of nonce, 128 of tag. */
const nonceBytes = 12
const tagBytes = 16

/** AES-256-GCM; sealed is base64 of nonce, tag and ciphertext. */
export function createSealer(secretKey: SecretKey): Sealer {
  const key = secretKey.derive('access keys')
  return {
    seal(text, context) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed, 'base64')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        })
          .setAAD(Buffer.from(context))
          .setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
        return decipher.update(bytes.subarray(nonceBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8')
      } catch (cause) {
        throw new ThawError('Config', `What is stored of ${context} was not sealed with this secret.key.`, { cause })
      }
    },
  }
}
