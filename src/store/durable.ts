import type { FileHandle } from 'node:fs/promises'

/**
 * fsync, where it is allowed: Node's permission model refuses it. A process under that model (the builder) hands its
 * files to its parent, which syncs them before it publishes them.
 */
export async function sync(file: FileHandle): Promise<void> {
  if (Reflect.get(process, 'permission') === undefined) await file.sync()
}
