/**
 * The engine of all JavaScript functions of one kind, compiled and ready to be given code (loader.ts): made once per
 * toolchain, in a builder process that sees no function, and kept in one file.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { componentize } from 'componentize-qjs'
import type { EngineManifest } from '../../instance/plan.ts'
import { engineOf, ownMemories } from '../component.ts'
import { guestSdk } from '../guest-sdk.ts'
import { worlds, type HandlerKind } from '../languages/handler-kind.ts'
import { loaderSource } from './loader.ts'

export interface Base {
  engine: string
  /** With the memories' own sizes, for capture. */
  manifest: EngineManifest
  full: Uint8Array[]
  /** What is stored of the engine: its manifest's text, and its modules. */
  text: string
  lean: Uint8Array[]
}

/** `workFolder`: is made, and the caller's to remove. Errors: `Build`. */
export async function makeBase(kind: HandlerKind, workFolder: string): Promise<Base> {
  const jsPath = join(workFolder, 'var', 'task', 'loader.mjs')
  await mkdir(dirname(jsPath), { recursive: true })
  await writeFile(jsPath, '')
  const { component } = await componentize({
    witPath: guestSdk.wit,
    ...worlds[kind],
    jsSource: loaderSource(kind),
    jsPath,
    moduleRoot: workFolder,
  })
  const { engine, manifest, text, rewritten } = await engineOf(component)
  return {
    engine,
    manifest: ownMemories(manifest, rewritten),
    full: rewritten.map(({ full }) => full),
    text,
    lean: rewritten.map(({ lean }) => lean),
  }
}

const digestBytes = 32

/** SHA-256, and what it is of. */
export async function writeBase(path: string, base: Base): Promise<void> {
  const bytes = serialize(base)
  await writeFile(path, Buffer.concat([digestOf(bytes), bytes]))
}

/** Whether it is as it was written. */
export async function baseIsWhole(path: string): Promise<boolean> {
  try {
    const bytes = await readFile(path)
    return digestOf(bytes.subarray(digestBytes)).equals(bytes.subarray(0, digestBytes))
  } catch {
    return false
  }
}

/** Of a whole one. */
export async function readBase(path: string): Promise<Base> {
  // Written above, by the same version: no schema.
  const base: Base = deserialize((await readFile(path)).subarray(digestBytes))
  return base
}

const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
