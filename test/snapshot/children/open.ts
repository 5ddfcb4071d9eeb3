/** Opens a snapshot and reads all of it: what a damaged file does to a process is for a process of its own to find out. */
import { SnapshotImage } from '../../../src/snapshot/image.ts'

const [dir = '', hash = '', backing = ''] = process.argv.slice(2)

function outcome(): string {
  try {
    using image = SnapshotImage.open(dir, hash, { backing: backing === 'buffer' ? 'buffer' : 'mapping' })
    return `sum ${image.bytes.reduce((sum, byte) => sum + byte, 0)}`
  } catch (error) {
    return error instanceof Error && 'code' in error ? `${String(error.code)}: ${error.message}` : String(error)
  }
}

process.stdout.write(outcome())
