/** A worker as it is started: under the permission model. Reports what it could and could not do. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { loadLibc } from '../../../src/memory/libc.ts'
import { SharedPage } from '../../../src/memory/shared-page.ts'

const [path = ''] = process.argv.slice(2)

function codeOf(attempt: () => unknown): unknown {
  try {
    attempt()
    return 'allowed'
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}

function attach(): string {
  const page = SharedPage.open(path)
  page.worker(3).attach(process.pid, 77)
  return 'attached'
}

process.send?.({
  libc: loadLibc() !== undefined,
  attach: loadLibc() === undefined ? codeOf(attach) : attach(),
  write: codeOf(() => writeFileSync(path, '')),
  readElsewhere: codeOf(() => readFileSync('/etc/hostname')),
  child: codeOf(() => spawnSync('true')),
})
process.disconnect?.()
