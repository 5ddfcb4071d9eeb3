import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Libc } from '../../src/memory/libc.ts'
import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MFD_CLOEXEC,
  O_RDONLY,
  PROT_READ,
  PROT_WRITE,
  SEEK_DATA,
  SEEK_HOLE,
  loadLibc,
} from '../../src/memory/libc.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'
import { exit, message, start } from './children/run.ts'

const repository = resolve(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'thaw-libc-'))
let libc: Libc

beforeAll(() => {
  const loaded = loadLibc()
  if (loaded === undefined) throw new Error('these tests need FFI')
  libc = loaded
})
afterAll(() => rmSync(dir, { recursive: true }))

describe('libc', () => {
  it('is bound once for a process', () => {
    expect(loadLibc()).toBe(libc)
  })

  it('maps a file over a Wasm memory, private to it', () => {
    const fd = libc.memfdCreate('test', MFD_CLOEXEC)
    libc.ftruncate(fd, 65_536)
    const memories = [1, 2].map(() => new WebAssembly.Memory({ initial: 1 }))
    for (const { buffer } of memories)
      libc.mmap(libc.addressOf(buffer), 65_536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0)
    libc.close(fd)
    const [first, second] = memories.map(({ buffer }) => new Uint8Array(buffer))
    first?.fill(7)
    expect(second?.[100]).toBe(0)
    expect(first?.[100]).toBe(7)
  })

  it('gives written pages back to the kernel', () => {
    const address = libc.mmap(0, 65_536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    const view = libc.viewOf(address, 65_536)
    const bytes = new Uint8Array(view)
    bytes[5] = 9
    libc.madvise(address, 65_536, MADV_DONTNEED)
    expect(bytes[5]).toBe(0)
    view.transfer(0)
    libc.munmap(address, 65_536)
    expect(bytes.length).toBe(0)
  })

  it('finds data and holes, and says -1 where no data follows', () => {
    const fd = libc.memfdCreate('holes', MFD_CLOEXEC)
    libc.ftruncate(fd, 65_536)
    expect(libc.lseek(fd, 0, SEEK_HOLE)).toBe(0)
    expect(libc.lseek(fd, 0, SEEK_DATA)).toBe(-1)
    libc.close(fd)
  })

  it.each([
    ['Artifact', 'open failed: ENOENT', (): unknown => libc.open(join(dir, 'missing'), O_RDONLY)],
    ['Artifact', 'lseek failed: EBADF', (): unknown => libc.lseek(-1, 0, SEEK_DATA)],
    ['Service', 'mmap failed: EBADF', (): unknown => libc.mmap(0, 65_536, PROT_READ, MAP_PRIVATE, -1, 0)],
    ['Service', 'ioctl failed: EBADF', (): unknown => libc.ioctl(-1, 0, 0)],
    ['Service', 'madvise failed: EINVAL', (): unknown => libc.madvise(1, 1, MADV_DONTNEED)],
  ])('throws %s, "%s"', (code, text, call) => {
    expect(call).toThrow(expect.objectContaining({ code, message: text }))
  })
})

describe('under the permission model', () => {
  const confine = ['--permission', `--allow-fs-read=${repository}`]

  it('works where addons are allowed, files and processes staying out of reach', async () => {
    const path = join(dir, 'page')
    using page = SharedPage.create(path)
    const child = start('confined', [path], [...confine, '--allow-addons'])
    expect(await message(child)).toEqual({
      libc: true,
      attach: 'attached',
      write: 'ERR_ACCESS_DENIED',
      readElsewhere: 'ERR_ACCESS_DENIED',
      child: 'ERR_ACCESS_DENIED',
    })
    expect(page.worker(3).read()).toMatchObject({ pid: child.pid, incarnation: 77 })
    expect(await exit(child)).toEqual({ code: 0, signal: null })
  })

  it('is undefined where addons are not, and who needs it gets a Config error', async () => {
    const child = start('confined', [join(dir, 'none')], confine)
    expect(await message(child)).toMatchObject({ libc: false, attach: 'Config' })
    await exit(child)
  })
})
