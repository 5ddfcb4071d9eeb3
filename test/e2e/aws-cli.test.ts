import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { startServer } from './server.ts'

const hasAws = spawnSync('aws', ['--version']).status === 0

// For a user without it this is not a fault of Thaw; CI installs it.
it.skipIf(!hasAws && process.env.CI !== 'true')(
  'the AWS command line walks through a function’s life',
  async () => {
    await using server = await startServer()
    const walk = spawn('bash', [join(import.meta.dirname, 'aws-walk.sh'), server.thaw.url], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [stdout, stderr, code] = await Promise.all([
      text(walk.stdout),
      text(walk.stderr),
      new Promise((resolve) => {
        walk.once('close', resolve)
      }),
    ])
    const last = stdout.trimEnd().split('\n').at(-1)
    expect({ code, stderr, last }).toEqual({ code: 0, stderr: '', last: 'walked' })
  },
  180_000,
)
