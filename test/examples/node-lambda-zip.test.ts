import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../e2e/server.ts'
import { deploy } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ workers: 1 })
  await deploy(server, { name: 'node-lambda-zip', packages: ['acorn'], runtime: 'nodejs22.x' })
})
afterAll(() => server[Symbol.asyncDispose]())

test('a source that is right, and one that is not', async () => {
  const check = async (source: string) => (await server.invoke('node-lambda-zip', { source })).payload
  expect(await check('const a = 1')).toMatchObject({ valid: true, nodes: 5, requestId: expect.any(String) })
  expect(await check('const a =\n  ]')).toMatchObject({ valid: false, line: 2, column: 2 })
})

test('an error by callback is the caller’s', async () => {
  const { functionError, payload } = await server.invoke('node-lambda-zip', {})
  expect(functionError).toBe('Unhandled')
  expect(payload).toMatchObject({ errorType: 'TypeError', errorMessage: 'source is missing' })
})
