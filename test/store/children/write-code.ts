/** Puts a package of 64 MiB that never ends: prints when half of it is on disk. Run by artifacts.test.ts, which kills it. */
import { writeSync } from 'node:fs'
import { openArtifacts } from '../../../src/store/artifacts.ts'

async function* endless() {
  const chunk = new Uint8Array(1_048_576).fill(7)
  for (let i = 0; ; i++) {
    yield chunk
    if (i === 32) writeSync(1, 'half\n')
    if (i > 32) await new Promise((resolve) => setImmediate(resolve))
    if (i > 64) await new Promise(() => setInterval(() => {}, 1_000))
  }
}

const artifacts = await openArtifacts({ directory: process.argv[2] ?? '' })
await artifacts.putCode(endless())
