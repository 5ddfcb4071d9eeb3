/** The snapshots that one process has open: each once, for as long as a function or a running invocation needs it. */
import { SnapshotImage } from '../snapshot/image.ts'

/** `running`: invocations on it at the moment. */
export interface OpenImage {
  readonly image: SnapshotImage
  readonly users: Set<number>
  running: number
}

/** Ours: verified snapshots remembered, some 100 bytes each. */
const verifiedLimit = 100_000
/** Ours: snapshots kept open, with their pages mapped, ahead of their first use: a descriptor and two mappings each. */
const preparedLimit = 1_000

export class ImageCatalog implements Disposable {
  readonly #artifactsDir: string
  readonly #open = new Map<string, OpenImage>()
  /** No function uses them any more, but an invocation still runs on them. */
  readonly #retired = new Map<string, OpenImage>()
  /** Where a snapshot that was verified once has its data: opened again, it is not read as a whole again. */
  readonly #verified = new Map<string, Int32Array>()
  /** Verified, open, and not yet used; `running` is 0. */
  readonly #prepared = new Map<string, OpenImage>()

  constructor(artifactsDir: string) {
    this.#artifactsDir = artifactsDir
  }

  get size(): number {
    return this.#open.size
  }

  /** Errors: `Artifact`. */
  use(snapshot: string, deployment: number): OpenImage {
    const known = this.#open.get(snapshot) ?? this.#retired.get(snapshot) ?? this.#prepared.get(snapshot)
    const open = known ?? { image: this.#read(snapshot), users: new Set<number>(), running: 0 }
    open.users.add(deployment)
    this.#retired.delete(snapshot)
    this.#prepared.delete(snapshot)
    this.#open.set(snapshot, open)
    return open
  }

  /** Reads and verifies ahead of the first use, and keeps it open while there is room. Errors: `Artifact`. */
  prepare(snapshot: string, deployment: number): void {
    const open = this.#open.get(snapshot) ?? this.#prepared.get(snapshot)
    open?.users.add(deployment)
    if (open !== undefined || this.#verified.has(snapshot)) return
    const image = this.#read(snapshot)
    if (this.#prepared.size < preparedLimit)
      this.#prepared.set(snapshot, { image, users: new Set([deployment]), running: 0 })
    else image[Symbol.dispose]()
  }

  /** Whether an instance bound to this image is of no use to anybody. */
  isRetired(image: SnapshotImage): boolean {
    return this.#open.get(image.hash)?.image !== image
  }

  /** Snapshots that lose their last user: the caller drops what is bound to them, then calls `release`. */
  *retire(deployment: number): Generator<OpenImage> {
    for (const [snapshot, { image, users }] of this.#prepared) {
      if (!users.delete(deployment) || users.size > 0) continue
      this.#prepared.delete(snapshot)
      this.#verified.delete(snapshot)
      image[Symbol.dispose]()
    }
    for (const [snapshot, open] of this.#open) {
      if (!open.users.delete(deployment) || open.users.size > 0) continue
      this.#open.delete(snapshot)
      this.#verified.delete(snapshot)
      this.#retired.set(snapshot, open)
      yield open
    }
  }

  /** Closes a retired image on which nothing runs any more. */
  release({ image: { hash } }: OpenImage): void {
    const open = this.#retired.get(hash)
    if (open === undefined || open.running > 0) return
    this.#retired.delete(hash)
    open.image[Symbol.dispose]()
  }

  engines(): Set<string> {
    return new Set([...this.#open.values(), ...this.#retired.values()].map(({ image }) => image.manifest.engine))
  }

  #read(snapshot: string): SnapshotImage {
    const image = SnapshotImage.open(this.#artifactsDir, snapshot, { verifiedRuns: this.#verified.get(snapshot) })
    if (this.#verified.size < verifiedLimit) this.#verified.set(snapshot, image.dataRuns)
    return image
  }

  [Symbol.dispose](): void {
    const all = [...this.#open.values(), ...this.#retired.values(), ...this.#prepared.values()]
    for (const { image } of all) image[Symbol.dispose]()
    this.#open.clear()
    this.#retired.clear()
    this.#prepared.clear()
  }
}
