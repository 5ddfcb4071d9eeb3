import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPluginHost, tryAll, type PluginHost } from '../../examples/plugin-host/host.ts'

let host: PluginHost
beforeAll(async () => {
  host = await startPluginHost()
})
afterAll(() => host[Symbol.asyncDispose]())

test('each plugin answers or is ended by its limit, and the host goes on', async () => {
  expect(await tryAll(host)).toEqual({
    shout: { kind: 'answered', value: { text: 'HELLO', calls: 1 } },
    endless: {
      kind: 'failed',
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringContaining('after 1.00 seconds'),
    },
    hungry: { kind: 'failed', errorType: 'Runtime.OutOfMemory', errorMessage: expect.stringContaining('128 MB') },
    curious: { kind: 'answered', value: { environment: [], webAssembly: 'undefined' } },
  })
  expect(await host.run('shout', { text: 'again' })).toEqual({ kind: 'answered', value: { text: 'AGAIN', calls: 1 } })
  // Four builds, one after the other.
}, 180_000)

test('a plugin that cannot be built is refused', async () => {
  await expect(host.install('broken', 'export const handler = (')).rejects.toThrow('FAILURE')
})
