/** The loader as an engine: made once a process, the same engine that every JavaScript function has. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { componentize } from 'componentize-qjs'
import type { EngineManifest } from '../../instance/plan.ts'
import { engineOf, ownMemories } from '../component.ts'
import { guestSdk } from '../guest-sdk.ts'
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
export async function makeBase(workFolder: string): Promise<Base> {
  const jsPath = join(workFolder, 'var', 'task', 'loader.mjs')
  await mkdir(dirname(jsPath), { recursive: true })
  await writeFile(jsPath, '')
  const { component } = await componentize({
    witPath: guestSdk.wit,
    world: 'javascript',
    jsSource: loaderSource,
    jsPath,
    moduleRoot: workFolder,
    sync: true,
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
