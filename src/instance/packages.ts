/** The package files that one process has open: each bundle once, for as long as a function or an invocation needs it. */
import { PackageBundle } from '../snapshot/package-bundle.ts'
import type { Directory } from '../wasi/fs/nodes.ts'
import { packageRoot } from '../wasi/fs/package-files.ts'

interface OpenPackage {
  readonly bundle: PackageBundle
  readonly root: Directory
  readonly users: Set<number>
  running: number
}

/** One invocation's hold on a package; disposed at its end. */
export interface PackageLease extends Disposable {
  readonly root: Directory
}

export class PackageCatalog implements Disposable {
  readonly #artifactsDir: string
  readonly #open = new Map<string, OpenPackage>()

  constructor(artifactsDir: string) {
    this.#artifactsDir = artifactsDir
  }

  get size(): number {
    return this.#open.size
  }

  /** Opens it for as long as the deployment is not forgotten. Errors: `Artifact`. */
  lease(files: string, deployment: number): PackageLease {
    const open = this.#open.get(files) ?? this.#read(files)
    this.#open.set(files, open)
    open.users.add(deployment)
    open.running += 1
    return {
      root: open.root,
      [Symbol.dispose]: () => {
        open.running -= 1
        this.#closeIfUnused(files, open)
      },
    }
  }

  /** A version was replaced or removed. What still runs on it keeps it open. */
  retire(deployment: number): void {
    for (const [files, open] of this.#open) {
      open.users.delete(deployment)
      this.#closeIfUnused(files, open)
    }
  }

  #read(files: string): OpenPackage {
    const bundle = PackageBundle.open(this.#artifactsDir, files)
    return { bundle, root: packageRoot(bundle), users: new Set(), running: 0 }
  }

  #closeIfUnused(files: string, open: OpenPackage): void {
    if (open.users.size > 0 || open.running > 0 || this.#open.get(files) !== open) return
    this.#open.delete(files)
    open.bundle[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    for (const { bundle } of this.#open.values()) bundle[Symbol.dispose]()
    this.#open.clear()
  }
}
