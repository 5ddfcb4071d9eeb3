/** For `cacheDir` of builders and servers, and `THAW_CACHE` of commands: what is made once per version of Thaw. */
import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

/** Everything of the repository that decides what it holds: while that is worked on, there are many versions. */
export const testCacheDir = join(root, 'node_modules', '.cache', 'thaw', 'bases', digest())

function digest(): string {
  const hash = createHash('sha256')
  const files = ['src/build/**/*.ts', 'src/instance/plan.ts', 'guest-sdk/wit/**/*.wit', 'package-lock.json']
  for (const file of globSync(files, { cwd: root }).toSorted()) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex').slice(0, 16)
}
