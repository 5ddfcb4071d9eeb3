/** Making a memory pristine again, nothing else: 4 MiB, of which the guest writes to 16 pages far apart. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from '@bytecodealliance/jco'
import { createRestorer } from '../../src/snapshot/restorer.ts'
import { SnapshotImage, writeSnapshot } from '../../src/snapshot/image.ts'
import { CanaryBreach } from '../canary.ts'
import { collectGarbage } from '../child.ts'
import { rotated } from '../rounds.ts'
import { timeRound, type Task } from './timed.ts'
import { resetChild } from './reset.ts'

const pages = 64
const dirtyPages = 16
const strideBytes = (pages * 65_536) / dirtyPages

/** What is at the start of each of the 16 pages before the guest writes there, where the image has data. */
const pristine = 7

/**
 * How much data the image has, KiB: what a new instance has to be given. 448 is a QuickJS function's (in far more
 * segments than here, which costs more), 64 the 16 pages that are written to, 0 the least there can be.
 */
const dataKib = [448, 64, 0] as const

const functions = `
  (func (export "touch") (param $value i32) (local $at i32)
    (loop $next
      (i32.store (local.get $at) (local.get $value))
      (local.set $at (i32.add (local.get $at) (i32.const ${strideBytes})))
      (br_if $next (i32.lt_u (local.get $at) (i32.const ${pages * 65_536})))))
  (func (export "sum") (result i32) (local $at i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const ${strideBytes})))
      (br_if $next (i32.lt_u (local.get $at) (i32.const ${pages * 65_536}))))
    (local.get $sum))`

function moduleText(kib: number): string {
  const segments = Array.from({ length: kib === 0 ? 0 : dirtyPages }, (_, page) => {
    const text = 'x'.repeat((kib * 1_024) / dirtyPages - 4)
    return `(data (i32.const ${page * strideBytes}) "\\0${pristine}\\00\\00\\00${text}")`
  })
  return `(module (import "e" "m" (memory ${pages} ${pages})) ${functions} ${segments.join(' ')})`
}

interface Guest {
  touch(value: number): void
  sum(): number
}

resetChild.serve(async ({ rounds, timeMs }, report) => {
  const modules = await Promise.all(
    dataKib.map(async (kib) => WebAssembly.compile(new Uint8Array(await parse(moduleText(kib))))),
  )
  const [full, , lean] = modules
  if (full === undefined || lean === undefined) throw new Error('The modules are missing')
  const folder = mkdtempSync(join(tmpdir(), 'thaw-bench-reset-'))
  using restorer = createRestorer('auto')
  const reference = fresh(full)
  const bytes = new Uint8Array(reference.memory.buffer)
  const memories = [{ step: 0, index: 0, bytes }]
  const hash = await writeSnapshot(folder, { engine: 'bench', memories, globals: [], handles: [], initMs: 0 })
  using image = SnapshotImage.open(folder, hash)
  const region = image.manifest.memories[0]
  if (region === undefined) throw new Error('The snapshot has no memory')
  const live = fresh(lean)
  using mapped = restorer.map(live.memory, image, region)

  /** Kept for one round trip, so that it is not collected while it is timed. */
  let made = reference
  const reset = (name: string): Task => ({
    name,
    async: false,
    before: () => live.guest.touch(1),
    run: () => mapped.reset(),
    after: () => check(name, live.guest, pristine),
  })
  const tasks: Task[] = [
    reset('reset'),
    reset('reset again'),
    ...modules.map((module, index): Task => {
      const kib = dataKib[index] ?? 0
      const name = `new ${kib}`
      return {
        name,
        async: false,
        run: () => (made = fresh(module)),
        after() {
          check(name, made.guest, kib === 0 ? 0 : pristine)
          made.guest.touch(1)
        },
      }
    }),
    // A new memory has few pages yet: the guest's first writes pay for them, where a reset one's do not.
    {
      name: 'new 448, run',
      async: false,
      run() {
        made = fresh(full)
        made.guest.touch(1)
      },
    },
    {
      name: 'reset, run',
      async: false,
      run() {
        live.guest.touch(1)
        mapped.reset()
      },
      after: () => check('reset, run', live.guest, pristine),
    },
  ]
  const results: Record<string, number[][]> = {}
  await timeRound(tasks, timeMs / 2)
  for (let round = 0; round < rounds; round++) {
    report(`round ${round + 1} of ${rounds}`, round / rounds)
    collectGarbage()
    for (const [name, samples] of await timeRound(rotated(tasks, round), timeMs))
      (results[name] ??= []).push([...samples])
  }
  rmSync(folder, { recursive: true, force: true })
  return { way: restorer.way, rounds: results }
})

function fresh(module: WebAssembly.Module): { memory: WebAssembly.Memory; guest: Guest } {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { touch, sum } = new WebAssembly.Instance(module, { e: { m: memory } }).exports
  if (typeof touch !== 'function' || typeof sum !== 'function') throw new Error('The module lacks its exports')
  return { memory, guest: { touch: (value) => void touch(value), sum: () => Number(sum()) } }
}

function check(who: string, guest: Guest, word: number): void {
  if (guest.sum() !== dirtyPages * word) throw new CanaryBreach(`${who}: the memory was not pristine`)
}
