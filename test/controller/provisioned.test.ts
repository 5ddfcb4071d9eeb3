/** Provisioned concurrency over workers that come and go, with scripted guests. */
import { rmSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { send } from '../worker/support/harness.ts'
import { eventually, isAlive, startServer, testFolder } from './support/server.ts'

afterAll(() => rmSync(testFolder, { recursive: true, force: true }))

test('what is provisioned is held again after a worker died, and gone when it is given up', async () => {
  await using server = await startServer({ functions: ['hello'] })
  const { port } = server.controller
  const request = async (method: string, path: string, body?: unknown) => {
    const answer = await send({ port, method, path, ...(body !== undefined && { body: JSON.stringify(body) }) })
    return answer.body === '' ? {} : JSON.parse(answer.body)
  }
  const published = await request('POST', '/2015-03-31/functions/hello/versions', {})
  expect(published).toMatchObject({ Version: '1' })
  const path = '/2019-09-30/functions/hello/provisioned-concurrency?Qualifier=1'
  await eventually(async () => (await request('GET', '/2015-03-31/functions/hello:1')).Configuration.State === 'Active')
  expect(await request('PUT', path, { ProvisionedConcurrentExecutions: 5 })).toMatchObject({ Status: 'IN_PROGRESS' })
  const available = async () => (await request('GET', path)).AvailableProvisionedConcurrentExecutions
  await eventually(async () => (await available()) === 5)

  const [doomed = 0] = server.controller.workers().serving
  process.kill(doomed, 'SIGKILL')
  await eventually(() => !isAlive(doomed) && !server.controller.workers().serving.includes(doomed))
  await eventually(async () => server.controller.workers().serving.length === 2 && (await available()) === 5)

  const described = JSON.parse((await server.invoke('hello:1', { do: 'describe' })).body)
  expect(described).toMatchObject({ provisioned: true, spec: { version: '1' } })
  await request('DELETE', path)
  expect(JSON.parse((await server.invoke('hello:1', { do: 'describe' })).body).provisioned).toBe(false)
})

test('reserved concurrency is exact over workers, and zero is off', async () => {
  await using server = await startServer({ functions: ['hello', 'other'] })
  const { port } = server.controller
  const reserve = (concurrency: number) =>
    send({
      port,
      method: 'PUT',
      path: '/2017-10-31/functions/hello/concurrency',
      body: JSON.stringify({ ReservedConcurrentExecutions: concurrency }),
    })
  expect((await reserve(0)).status).toBe(200)
  for (let call = 0; call < 6; call++) expect((await server.invoke('hello', {})).status).toBe(429)
  expect((await server.invoke('other', {})).status).toBe(200)
  await reserve(1)
  for (let call = 0; call < 6; call++) expect((await server.invoke('hello', {})).status).toBe(200)
  await send({ port, method: 'DELETE', path: '/2017-10-31/functions/hello/concurrency' })
  expect((await server.invoke('hello', {})).status).toBe(200)
})
