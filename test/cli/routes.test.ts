/** Routes and allow-lists by the command line, against a whole server. */
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createQuickBuilder } from '../../src/build/quick/quick-builder.ts'
import { startLocalServer, type LocalServer } from '../../src/cli/project/local-server.ts'
import { folderOf, thaw } from './support.ts'

const source = `export const handler = async ({ routeKey, pathParameters, rawPath }) => ({ routeKey, pathParameters, rawPath })`
const project = (settings: Record<string, unknown> = {}) =>
  folderOf({ 'thaw.json': JSON.stringify({ name: 'web', ...settings }), 'index.mjs': source })

let server: LocalServer
const run = (...args: string[]) => thaw(args, { env: { THAW_ENDPOINT: server.url, THAW_DATA: server.dataDir } })
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

beforeAll(async () => {
  server = await startLocalServer({ config: { port: 0 }, createBuilder: createQuickBuilder })
  // Goes with the server's.
  const folder = join(server.dataDir, 'project')
  await mkdir(folder)
  await writeFile(join(folder, 'thaw.json'), '{"name":"web","egress":["https://api.example.com"]}')
  await writeFile(join(folder, 'index.mjs'), source)
  const { code, stderr } = await run('deploy', folder, '--alias', 'live')
  if (code !== 0) throw new Error(stderr)
})
afterAll(() => server[Symbol.asyncDispose]())

async function get(host: string, path: string, method = 'GET'): Promise<[status: number | undefined, body: string]> {
  const outgoing = request(server.url, { path, method, headers: { host } }).end()
  const [response] = await once(outgoing, 'response')
  return [response.statusCode, await text(response)]
}

describe('thaw route', () => {
  test('a route is served from when it is added until it is removed', async () => {
    const route = await json(
      'route',
      'add',
      '--host',
      'api.example.com',
      '--path',
      '/users/*',
      '--function',
      'web:live',
    )
    expect(route).toEqual({
      id: expect.stringMatching(/^[a-z0-9]{10}$/),
      host: 'api.example.com',
      path: '/users/*',
      methods: [],
      function: 'web:live',
      auth: 'NONE',
      mode: 'BUFFERED',
    })
    const [status, body] = await get('api.example.com:8080', '/users/7?x=1')
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({
      routeKey: 'ANY /users/*',
      pathParameters: { proxy: '7' },
      rawPath: '/users/7',
    })
    expect(await get('api.example.com', '/')).toEqual([404, '{"message":"Not Found"}'])

    const { stdout } = await run('route', 'ls')
    expect(stdout).toMatch(
      /^ID +HOST +PATH +METHODS +FUNCTION +AUTH +MODE\n\w{10} +api\.example\.com +\/users\/\* +all +web:live +NONE +BUFFERED\n$/,
    )
    expect(await json('route', 'ls', '--function', 'web')).toEqual([route])
    expect(await run('route', 'rm', route.id)).toEqual({ code: 0, stdout: `Deleted route ${route.id}\n`, stderr: '' })
    // The host is the API's again.
    expect(JSON.parse((await get('api.example.com', '/users/7'))[1]).message).toMatch(/^Unknown operation/)
  })

  test('takes methods, a signature, and streaming', async () => {
    const add = ['route', 'add', '--host', '*.example.com', '--function', 'web', '--method', 'get', 'post']
    const { stdout } = await run(...add, '--auth', 'AWS_IAM', '--stream')
    const id = /^Route (\w{10}): \*\.example\.com\/\* to web\n$/.exec(stdout)?.[1] ?? ''
    expect(await json('route', 'ls')).toEqual([
      expect.objectContaining({ id, methods: ['GET', 'POST'], auth: 'AWS_IAM', mode: 'RESPONSE_STREAM' }),
    ])
    expect(await get('x.example.com', '/')).toEqual([403, '{"message":"Forbidden"}'])
    expect((await get('x.example.com', '/', 'PUT'))[0]).toBe(404)
    expect((await run(...add)).stderr).toMatch(/^thaw: ResourceConflictException: Route \w{10} has [^\n]+\n$/)
    expect(await json('route', 'rm', id)).toEqual({ deleted: id })
    expect(await run('route', 'ls')).toMatchObject({ stdout: 'No routes\n' })
  })
})

describe('thaw egress', () => {
  /** By the API: a process less. */
  const allowed = async (): Promise<unknown> => {
    const answer = await fetch(`${server.url}/2015-03-31/functions/web/configuration`)
    return (await answer.json()).Egress?.Allow
  }

  test('shows what deploy has set, adds to it, and takes from it', async () => {
    expect((await run('egress', 'show', 'web')).stdout).toBe('https://api.example.com\n')
    expect(await json('egress', 'allow', 'web', '*.example.org', 'https://api.example.com')).toEqual({
      name: 'web',
      allow: ['https://api.example.com', '*.example.org'],
    })
    expect((await json('ls'))[0].egress).toEqual(['https://api.example.com', '*.example.org'])
    expect((await run('egress', 'deny', 'web', 'https://api.example.com')).stdout).toBe('*.example.org\n')
    expect(await run('egress', 'deny', 'web', '--all')).toMatchObject({ stdout: 'web may send no requests\n' })
  })

  test('what is wrong is one line', async () => {
    expect((await run('egress', 'allow', 'web', 'ftp://x')).stderr).toMatch(
      /^thaw: InvalidParameterValueException: [^\n]*ftp:\/\/x[^\n]*\n$/,
    )
    expect(await run('egress', 'deny', 'web', 'none.example')).toMatchObject({
      code: 1,
      stderr: 'thaw: none.example is not in the allow-list of web\n',
    })
    expect(await run('egress', 'deny', 'web')).toMatchObject({ code: 2, stderr: 'thaw: say which entries, or --all\n' })
    expect((await run('egress', 'show', 'nobody')).stderr).toBe('thaw: There is no function nobody\n')
  })

  test('deploy applies the list of thaw.json, and leaves what is there if it says nothing', async () => {
    await run('deploy', await project({ egress: ['one.example', 'two.example'] }))
    expect(await allowed()).toEqual(['one.example', 'two.example'])
    await run('deploy', await project({ memory: 256 }))
    expect(await allowed()).toEqual(['one.example', 'two.example'])
    await run('deploy', await project({ egress: [] }))
    expect(await allowed()).toBeUndefined()
  })
})
