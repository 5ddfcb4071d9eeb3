import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { OpenOptions } from '../../src/snapshot/image.ts'
import { SnapshotImage, writeSnapshot } from '../../src/snapshot/image.ts'
import { snapshotPaths } from '../../src/snapshot/manifest.ts'
import { PAGE, WASM_PAGE, memoryBytes, write } from './sample.ts'

const root = mkdtempSync(join(tmpdir(), 'thaw-image-'))
let dir = root
beforeEach(() => {
  dir = mkdtempSync(join(root, 'artifacts-'))
})
afterAll(() => rmSync(root, { recursive: true }))

const memories = () => [memoryBytes(2, { 0: 1, 1: 2, 20: 3, 31: 4 }), memoryBytes(3, { 0: 5, 40: 6 })]
const backings: NonNullable<OpenOptions['backing']>[] = ['mapping', 'buffer']

/** Overwrite a file of the store, which takes some doing. */
function damage(path: string, change: (bytes: Buffer) => Buffer): void {
  const changed = change(readFileSync(path))
  chmodSync(path, 0o600)
  writeFileSync(path, changed)
}

describe('writeSnapshot', () => {
  it('names the two files by the hash of the canonical manifest and leaves nothing else', async () => {
    const hash = await write(dir, memories())
    const paths = snapshotPaths(dir, hash)
    const json = readFileSync(paths.manifest, 'utf8')
    expect(createHash('sha256').update(json).digest('hex')).toBe(hash)
    expect(json).toMatch(/^\{"engine":"e+","format":1,"globals":\[\],/)
    expect(readdirSync(join(dir, 'snapshots', hash.slice(0, 2))).toSorted()).toEqual([`${hash}.img`, `${hash}.json`])
  })

  it('writes the image sparse and read-only', async () => {
    const { image } = snapshotPaths(dir, await write(dir, [memoryBytes(64, { 3: 1 })]))
    const { size, blocks, mode } = statSync(image)
    expect(size).toBe(64 * WASM_PAGE)
    expect(blocks * 512).toBeLessThanOrEqual(2 * PAGE)
    expect(mode & 0o777).toBe(0o444)
  })

  it('leaves a snapshot alone that is there', async () => {
    const hash = await write(dir, memories())
    const { image } = snapshotPaths(dir, hash)
    const before = statSync(image)
    expect(await write(dir, memories())).toBe(hash)
    expect(statSync(image)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs })
  })

  it.each(['manifest', 'image'] as const)('replaces one whose %s was left half written', async (half) => {
    const hash = await write(dir, memories())
    damage(snapshotPaths(dir, hash)[half], (bytes) => bytes.subarray(0, bytes.length / 2))
    expect(() => SnapshotImage.open(dir, hash)).toThrow(hash)
    expect(await write(dir, memories())).toBe(hash)
    using image = SnapshotImage.open(dir, hash)
    expect(image.bytes.equals(Buffer.concat(memories()))).toBe(true)
  })

  it('refuses a memory that is not whole Wasm pages', async () => {
    await expect(write(dir, [Buffer.alloc(PAGE)])).rejects.toThrow('4096 bytes, not a multiple of 65536')
  })
})

describe.each(backings)('SnapshotImage, as a %s', (backing) => {
  it('gives back what was written', async () => {
    const hash = await writeSnapshot(dir, {
      engine: 'e',
      memories: memories().map((bytes, index) => ({ step: index, index: 0, bytes })),
      globals: [{ step: 1, name: '$g0', type: 'i64', value: '-9223372036854775808' }],
      handles: [{ handle: 3, kind: 'stdout' }],
      initMs: 12.5,
    })
    using image = SnapshotImage.open(dir, hash, { backing })
    expect(image.bytes.equals(Buffer.concat(memories()))).toBe(true)
    expect(image.manifest).toMatchObject({
      engine: 'e',
      memories: [
        { step: 0, index: 0, pages: 2, offset: 0 },
        { step: 1, index: 0, pages: 3, offset: 2 * WASM_PAGE },
      ],
      globals: [{ step: 1, name: '$g0', type: 'i64', value: '-9223372036854775808' }],
      handles: [{ handle: 3, kind: 'stdout' }],
      imageBytes: 5 * WASM_PAGE,
      initMs: 12.5,
    })
  })

  it('knows where there is data, over the bounds of memories', async () => {
    using image = SnapshotImage.open(dir, await write(dir, memories()), { backing })
    expect([...image.dataRuns]).toEqual([0, 2, 20, 21, 31, 33, 72, 73])
  })

  it('knows it too where the file has no holes', async () => {
    const hash = await write(dir, memories())
    damage(snapshotPaths(dir, hash).image, (bytes) => bytes)
    using image = SnapshotImage.open(dir, hash, { backing })
    expect([...image.dataRuns]).toEqual([0, 2, 20, 21, 31, 33, 72, 73])
  })

  it('opens a snapshot without memories', async () => {
    using image = SnapshotImage.open(dir, await write(dir, []), { backing })
    expect(image.bytes).toHaveLength(0)
    expect(image.dataRuns).toHaveLength(0)
  })

  it('cannot be read any more once it is disposed of', async () => {
    const image = SnapshotImage.open(dir, await write(dir, memories()), { backing })
    image[Symbol.dispose]()
    image[Symbol.dispose]()
    expect(() => image.bytes).toThrow('used after it was disposed of')
  })

  it('hashes as the format says', async () => {
    using image = SnapshotImage.open(dir, await write(dir, [memoryBytes(1, { 2: 9 })]), { backing })
    const number = Buffer.from([2, 0, 0, 0])
    const expected = createHash('sha256').update(number).update(Buffer.alloc(PAGE, 9)).digest('hex')
    expect(image.manifest.imageSha256).toBe(expected)
  })
})

describe('a damaged snapshot', () => {
  const flip = (at: number) => (bytes: Buffer) => {
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return bytes
  }
  const cases: [string, RegExp, (paths: ReturnType<typeof snapshotPaths>) => void][] = [
    [
      'cut short',
      /^Artifact: Snapshot \w+: the image has 70000 bytes, not 327680$/,
      ({ image }) => {
        chmodSync(image, 0o600)
        truncateSync(image, 70_000)
      },
    ],
    [
      'lengthened',
      /the image has 327681 bytes/,
      ({ image }) => damage(image, (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])),
    ],
    ['with a bit of data flipped', /the image's SHA-256 is \w+, not \w+$/, ({ image }) => damage(image, flip(100))],
    [
      'with a bit of a hole flipped',
      /the image's SHA-256 is \w+, not \w+$/,
      ({ image }) => damage(image, flip(10 * PAGE)),
    ],
    [
      'with its data moved',
      /the image's SHA-256 is/,
      ({ image }) => damage(image, (bytes) => Buffer.concat([bytes.subarray(PAGE), Buffer.alloc(PAGE)])),
    ],
    [
      'with another manifest',
      /the manifest's SHA-256 is/,
      ({ manifest }) => damage(manifest, (bytes) => Buffer.from(bytes.toString().replace('1.5', '1.6'))),
    ],
    ['without its image', /the image cannot be read$/, ({ image }) => rmSync(image)],
    ['without its manifest', /the manifest cannot be read$/, ({ manifest }) => rmSync(manifest)],
  ]

  it.each(cases)('%s is refused, the process unharmed', async (_name, expected, change) => {
    const hash = await write(dir, memories())
    change(snapshotPaths(dir, hash))
    for (const backing of backings) {
      const script = join(import.meta.dirname, 'children/open.ts')
      const { stdout, status } = spawnSync(process.execPath, [script, dir, hash, backing], { encoding: 'utf8' })
      expect(stdout).toMatch(expected)
      expect(status).toBe(0)
    }
  })

  it('is refused whose manifest does not add up, though its hash is right', () => {
    const json = JSON.stringify({
      format: 1,
      engine: 'e',
      memories: [{ step: 0, index: 0, pages: 1, offset: WASM_PAGE }],
      globals: [],
      handles: [],
      imageBytes: WASM_PAGE,
      imageSha256: '0'.repeat(64),
      initMs: 0,
    })
    const hash = createHash('sha256').update(json).digest('hex')
    const paths = snapshotPaths(dir, hash)
    mkdirSync(paths.folder, { recursive: true })
    writeFileSync(paths.manifest, json)
    expect(() => SnapshotImage.open(dir, hash)).toThrow('a memory at 65536, not at 0')
  })

  it('is not looked for outside the store', () => {
    expect(() => SnapshotImage.open(dir, '../../etc/passwd')).toThrow('not a SHA-256')
  })
})
