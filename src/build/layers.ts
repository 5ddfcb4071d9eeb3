/** Layers of a function: zips laid over each other, which Lambda shows to the function as `/opt`. */
import { readFile } from 'node:fs/promises'
import { ThawError } from '../errors.ts'
import { assertDistinct, openPackage, type PackageLimits } from './package.ts'

/** Contents by path below `/opt`; owned by the receiver. */
export type LayerFiles = ReadonlyMap<string, Uint8Array>

/**
 * In order: what is in a later layer hides what is in an earlier one. The limit on unzipped bytes is one for the
 * function and all its layers. Refuses with `InvalidParameterValue`.
 * @param unzippedBytes those of the function itself
 */
export async function openLayers(
  paths: readonly string[],
  unzippedBytes: number,
  limits: PackageLimits,
): Promise<LayerFiles> {
  const merged = new Map<string, Uint8Array>()
  let total = unzippedBytes
  for (const path of paths) {
    const opened = await openPackage(await readFile(path), limits, total)
    if (opened.kind !== 'files') throw new ThawError('InvalidParameterValue', 'A layer must be a zip, not a component')
    for (const [name, content] of opened.files) {
      total += content.length
      merged.set(name, content)
    }
  }
  assertDistinct(merged.keys(), 'The layers have')
  return merged
}
