import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startControlServer } from '../../src/controller/control-server.ts'
import { send } from '../worker/support/harness.ts'

test('it takes whatever head a worker takes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'thaw-control-'))
  const socketPath = join(folder, 'socket')
  const fetch = (request: Request): Response => new Response(String(request.headers.get('x-long')?.length))
  {
    await using _server = await startControlServer({ fetch }, socketPath, 32_768)
    const headers = { host: 'thaw.test', 'x-long': 'a'.repeat(32_000) }
    expect(await send({ socketPath, headers })).toMatchObject({ status: 200, body: '32000' })
  }
  rmSync(folder, { recursive: true })
})
