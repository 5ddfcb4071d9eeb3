/** A live engine with a snapshot mapped in: Lambda's execution environment. Owned by one pool, used by one run at a time. */
import { createHash } from 'node:crypto'
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { SharedPage } from '../memory/shared-page.ts'
import type { SnapshotImage } from '../snapshot/image.ts'
import type { MappedMemory, Restorer } from '../snapshot/restorer.ts'
import type { SnapshotManifest } from '../snapshot/format.ts'
import { WASM_PAGE_BYTES } from '../snapshot/format.ts'
import type { LowerOptions } from '../wasi/abi/context.ts'
import { WasiHost } from '../wasi/host.ts'
import type { Engine } from './engine.ts'
import type { HookTarget } from './hooks.ts'
import { link, type Linked } from './link.ts'
import type { Run } from './run.ts'
import { globalValue, sameValue } from './values.ts'

/** V8 spends about this much on an entry of a function table. */
const tableEntryBytes = 16

export interface GuestOptions {
  engine: Engine
  image: SnapshotImage
  restorer: Restorer
  page: SharedPage
  limits: Limits
}

type State = 'pristine' | 'used' | 'disposed'

export type TaskReturn = (name: string, options: LowerOptions, flat: (number | bigint)[]) => void

export class GuestInstance implements HookTarget, Disposable {
  readonly engine: Engine
  readonly host: WasiHost
  readonly linked: Linked
  readonly #restorer: Restorer
  readonly #tables: unknown[][]
  #image: SnapshotImage
  #mapped: MappedMemory[] = []
  #globals: { global: WebAssembly.Global; value: number | bigint }[] = []
  #state: State = 'pristine'
  #run: Run | undefined
  #prefaulted = false
  #memoryLimitBytes = Number.POSITIVE_INFINITY
  #onTaskReturn: TaskReturn | undefined
  /** When it was last given back, `performance.now()`; the pool evicts by it. */
  idleSinceMs = 0
  trimmed = false

  /** Takes the memories' content from the image; the image stays the caller's to close, after this is disposed. */
  constructor(options: GuestOptions) {
    this.engine = options.engine
    this.#restorer = options.restorer
    this.#image = options.image
    this.host = new WasiHost(options.limits)
    const pages = new Map(
      options.image.manifest.memories.map((memory) => [`${memory.step}.${memory.index}`, memory.pages]),
    )
    this.linked = link({
      engine: options.engine,
      epoch: options.page.memory,
      initialPages: (step, index) => pages.get(`${step}.${index}`) ?? 0,
      host: this.host,
      hooks: this,
      taskReturn: (name, canon, flat) => this.#onTaskReturn?.(name, canon, flat),
    })
    // Taken before any guest code has run: the element segments' doing, the same in every instance of the engine.
    this.#tables = this.linked.tables.map(({ table }) => tableEntries(table))
    this.#bind()
  }

  get image(): SnapshotImage {
    return this.#image
  }

  get state(): State {
    return this.#state
  }

  /** Bytes of all linear memories. */
  get memoryBytes(): number {
    let bytes = 0
    for (const { memory } of this.linked.memories) bytes += memory.buffer.byteLength
    return bytes
  }

  /**
   * What the function's memory limit is held against: memories, tables, and what the host holds for the guest. Not /tmp,
   * which has a limit of its own, as Lambda's.
   */
  get accountedBytes(): number {
    let bytes = this.memoryBytes + this.host.heldBytes - this.host.temporaryBytes
    for (const { table } of this.linked.tables) bytes += table.length * tableEntryBytes
    return bytes
  }

  get residentBytes(): number {
    let bytes = 0
    for (const mapped of this.#mapped) bytes += mapped.residentBytes()
    return bytes
  }

  /** The run that the hooks speak to from now on. Precondition: pristine. */
  begin(run: Run, memoryLimitBytes: number, onTaskReturn: TaskReturn): void {
    if (this.#state !== 'pristine') throw new ThawError('Service', `An instance was used while ${this.#state}`)
    this.#state = 'used'
    this.#run = run
    this.#memoryLimitBytes = memoryLimitBytes
    this.#onTaskReturn = onTaskReturn
    this.host.begin(run)
  }

  /** The run is over: nothing of it can reach the guest again. */
  end(): void {
    this.host.end()
    this.#run = undefined
    this.#onTaskReturn = undefined
  }

  setDeadline(epoch: number): void {
    for (const deadline of this.linked.deadlines) deadline.value = epoch
  }

  check(): number {
    return this.#run?.check() ?? 0
  }

  pause(): Promise<void> {
    return this.#run?.pause() ?? Promise.resolve()
  }

  suspended<T>(wait: Promise<T>): Promise<T> {
    return this.#run?.suspended(wait) ?? wait
  }

  enterAllocator(): boolean {
    return this.#run?.holdThread() ?? false
  }

  leaveAllocator(couldSuspend: boolean): void {
    if (couldSuspend) this.#run?.releaseThread()
  }

  growMemory(deltaPages: number): number {
    return this.#grow(deltaPages, (deltaPages >>> 0) * WASM_PAGE_BYTES)
  }

  growTable(deltaElements: number): number {
    return this.#grow(deltaElements, (deltaElements >>> 0) * tableEntryBytes)
  }

  #grow(delta: number, bytes: number): number {
    if (this.accountedBytes + bytes <= this.#memoryLimitBytes) return delta
    if (this.#run !== undefined) this.#run.memoryRefused = true
    return -1
  }

  /** Whether a reset can bring it back: a memory or table that grew cannot shrink. */
  get resettable(): boolean {
    // Abandoned: a stack of the guest's was still suspended when its invocation ended.
    if (this.#state === 'disposed' || this.host.abandoned) return false
    for (const [index, { memory }] of this.linked.memories.entries())
      if (memory.buffer.byteLength !== (this.#image.manifest.memories[index]?.pages ?? -1) * WASM_PAGE_BYTES)
        return false
    return this.linked.tables.every(({ table }, index) => table.length === this.#tables[index]?.length)
  }

  /** Everything as the snapshot has it. Precondition: `resettable`, no run. Returns the dirty pages copied back. */
  reset(): number {
    let dirtyPages = 0
    if (this.#prefaulted) {
      // A reset copies every private page back: kept, the pages taken ahead would make each one three times as dear.
      this.#prefaulted = false
      for (const mapped of this.#mapped) mapped.trim()
    } else for (const mapped of this.#mapped) dirtyPages += mapped.reset()
    this.#restoreRest()
    return dirtyPages
  }

  /** Whether this instance can take the image's place: same memories, none smaller than it is now. */
  fits(image: SnapshotImage): boolean {
    if (this.#state === 'disposed' || this.host.abandoned || image.manifest.engine !== this.engine.hash) return false
    return this.linked.memories.every(
      ({ memory }, index) =>
        memory.buffer.byteLength <= (image.manifest.memories[index]?.pages ?? -1) * WASM_PAGE_BYTES,
    )
  }

  /** Another function of the same engine moves in. Precondition: `fits`, no run. */
  reimage(image: SnapshotImage): void {
    for (const [index, region] of image.manifest.memories.entries()) {
      const memory = this.linked.memories[index]?.memory
      const mapped = this.#mapped[index]
      if (memory === undefined || mapped === undefined)
        throw new ThawError('Artifact', `Snapshot ${image.hash} does not fit its engine`)
      const missing = region.pages - memory.buffer.byteLength / WASM_PAGE_BYTES
      if (missing === 0) mapped.reimage(image, region)
      else {
        mapped[Symbol.dispose]()
        memory.grow(missing)
        this.#mapped[index] = this.#restorer.map(memory, image, region)
      }
    }
    this.#image = image
    this.#globals = bindGlobals(this.linked, image.manifest)
    this.#restoreRest()
  }

  /** Takes the pages that the next invocation will most likely write, ahead of it. Precondition: pristine. */
  prefault(): void {
    this.#prefaulted = true
    for (const mapped of this.#mapped) mapped.prefault()
  }

  /** Gives private pages back to the kernel. Precondition: pristine. */
  trim(): void {
    for (const mapped of this.#mapped) mapped.trim()
    this.trimmed = true
  }

  #bind(): void {
    const { manifest } = this.#image
    for (const [index, { step, index: own, memory }] of this.linked.memories.entries()) {
      const region = manifest.memories[index]
      if (region === undefined || region.step !== step || region.index !== own)
        throw new ThawError('Artifact', `Snapshot ${this.#image.hash} does not fit its engine`)
      this.#mapped.push(this.#restorer.map(memory, this.#image, region))
    }
    this.#globals = bindGlobals(this.linked, manifest)
    this.#restoreRest()
  }

  /** Globals, tables, flags, task storage and the host's handle table. */
  #restoreRest(): void {
    for (const { global, value } of this.#globals) if (!sameValue(global.value, value)) global.value = value
    for (const flags of this.linked.flags) flags.value = 1
    for (const [index, { table, mutable }] of this.linked.tables.entries()) {
      if (!mutable) continue
      for (const [slot, entry] of (this.#tables[index] ?? []).entries())
        if (table.get(slot) !== entry) table.set(slot, entry)
    }
    this.linked.contexts.length = 1
    this.linked.contexts[0]?.fill(0)
    this.host.reset(this.#image.manifest.handles)
    this.#state = 'pristine'
  }

  /** The checking mode: what differs from the snapshot, if anything. Reads every byte. */
  difference(): string | undefined {
    for (const [index, mapped] of this.#mapped.entries()) if (!mapped.equalsImage()) return `memory ${index}`
    for (const { global, value } of this.#globals) if (!sameValue(global.value, value)) return 'a global'
    for (const [index, { name, table }] of this.linked.tables.entries()) {
      const entries = this.#tables[index] ?? []
      if (table.length !== entries.length || entries.some((entry, slot) => table.get(slot) !== entry))
        return `table ${name}`
    }
    if (this.linked.flags.some((flags) => flags.value !== 1)) return 'instance flags'
    if (this.linked.contexts.length !== 1 || this.linked.contexts[0]?.some((value) => value !== 0) === true)
      return 'task storage'
    const fresh = new WasiHost(this.host.limits)
    fresh.reset(this.#image.manifest.handles)
    return this.host.stateHash() === fresh.stateHash() ? undefined : 'the WASI handle table'
  }

  /** A digest of everything a guest could observe: two pristine instances of a snapshot have the same. */
  digest(): string {
    const hash = createHash('sha256')
    for (const { memory } of this.linked.memories) hash.update(new Uint8Array(memory.buffer))
    for (const { global } of this.#globals) hash.update(String(global.value))
    for (const { table } of this.linked.tables) hash.update(tableEntries(table).map(entryName).join())
    hash.update(this.linked.flags.map((flags) => String(flags.value)).join())
    hash.update(this.linked.contexts.join(';'))
    return hash.update(this.host.stateHash()).digest('hex')
  }

  [Symbol.dispose](): void {
    if (this.#state === 'disposed') return
    this.#state = 'disposed'
    for (const mapped of this.#mapped) mapped[Symbol.dispose]()
    this.#mapped = []
  }
}

function bindGlobals(
  linked: Linked,
  manifest: SnapshotManifest,
): { global: WebAssembly.Global; value: number | bigint }[] {
  return linked.globals.map(({ step, name, global }, index) => {
    const saved = manifest.globals[index]
    if (saved === undefined || saved.step !== step || saved.name !== name)
      throw new ThawError('Artifact', `Snapshot of engine ${manifest.engine}: globals do not fit`)
    return { global, value: globalValue(saved) }
  })
}

function tableEntries(table: WebAssembly.Table): unknown[] {
  return Array.from({ length: table.length }, (_, slot): unknown => table.get(slot))
}

function entryName(entry: unknown): string {
  return typeof entry === 'function' ? entry.name : String(entry)
}
