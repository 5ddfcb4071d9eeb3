import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import type { SnapshotManifest } from './format.ts'
import { snapshotHandleKinds, WASM_PAGE_BYTES } from './format.ts'

const count = z.number().int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const manifestSchema: z.ZodType<SnapshotManifest> = z.strictObject({
  format: z.literal(1),
  engine: z.string(),
  memories: z.array(z.strictObject({ step: count, index: count, pages: count, offset: count })),
  globals: z.array(
    z.strictObject({ step: count, name: z.string(), type: z.enum(['i32', 'i64', 'f32', 'f64']), value: z.string() }),
  ),
  handles: z.array(z.strictObject({ handle: count, kind: z.enum(snapshotHandleKinds) })),
  imageBytes: count,
  imageSha256: sha256,
  initMs: z.number().nonnegative(),
})

/** Where a snapshot's two files are: `snapshots/<first two digits>/<hash>.json` and `.img` under the artifacts folder. */
export function snapshotPaths(dir: string, hash: string): { folder: string; manifest: string; image: string } {
  if (!sha256.safeParse(hash).success)
    throw new ThawError('Artifact', `Snapshot ${JSON.stringify(hash)}: not a SHA-256 in lower-case hex`)
  const folder = join(dir, 'snapshots', hash.slice(0, 2))
  return { folder, manifest: join(folder, `${hash}.json`), image: join(folder, `${hash}.img`) }
}

/** JSON with sorted keys and no white space: the same manifest is the same bytes, so its hash can be its name. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** Check `json` against `hash` and parse it. ThawError('Artifact') says what differs. */
export function parseManifest(json: string, hash: string): SnapshotManifest {
  const actual = sha256Hex(json)
  if (actual !== hash) throw new ThawError('Artifact', `Snapshot ${hash}: the manifest's SHA-256 is ${actual}`)
  const parsed = manifestSchema.safeParse(parseJson(json))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new ThawError(
      'Artifact',
      `Snapshot ${hash}: manifest: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    )
  }
  const manifest = parsed.data
  let offset = 0
  for (const memory of manifest.memories) {
    if (memory.offset !== offset)
      throw new ThawError('Artifact', `Snapshot ${hash}: manifest: a memory at ${memory.offset}, not at ${offset}`)
    offset += memory.pages * WASM_PAGE_BYTES
  }
  if (manifest.imageBytes !== offset)
    throw new ThawError('Artifact', `Snapshot ${hash}: manifest: ${manifest.imageBytes} bytes, its memories ${offset}`)
  return manifest
}

/** No JSON is one more thing that the schema refuses. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
