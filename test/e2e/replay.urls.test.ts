/** Holds function URLs of a whole server to what AWS answered. Requests are LocalStack's tests of these names. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { account, recorded, recordedValue, replaysAllOf } from '../api/recorded.ts'
import { eventually } from '../controller/support/server.ts'
import { send, type Answer, type RequestOptions } from '../worker/support/harness.ts'
import { createScripted, jsonOf, requestOf, startRecorded } from './recorded-invoke.ts'
import type { TestServer } from './server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startRecorded()
})
afterAll(() => server[Symbol.asyncDispose]())

/** A function that returns what JSON this is. */
const returning = (json: string): string => `export const handler = () => JSON.parse(${JSON.stringify(json)})`

interface Url {
  host: string
  created: Answer
  permitted: Answer
}

async function createUrl(name: string, source: string): Promise<Url> {
  await createScripted(server, name, {}, source)
  const request = requestOf(server)
  const created = await request('POST', `/2021-10-31/functions/${name}/url`, { AuthType: 'NONE' })
  const permitted = await request('POST', `/2015-03-31/functions/${name}/policy`, {
    StatementId: 'urlPermission',
    Action: 'lambda:InvokeFunctionUrl',
    Principal: '*',
    FunctionUrlAuthType: 'NONE',
  })
  return { host: new URL(String(JSON.parse(created.body).FunctionUrl)).host, created, permitted }
}

const call = ({ host }: Pick<Url, 'host'>, { headers, ...options }: RequestOptions = {}): Promise<Answer> =>
  send({ port: server.thaw.port, ...options, headers: { ...headers, host } })

const seenJson = ({ status, headers, body }: Answer) => ({
  status,
  errorType: headers['x-amzn-errortype'] ?? null,
  body: jsonOf(JSON.parse(body)),
})

const invocation = z.object({ content: z.unknown(), headers: z.record(z.string(), z.string()), statuscode: z.number() })

/** The function's own text: recordings parse it where it is an object. */
const contentOf = (content: unknown): string => (typeof content === 'string' ? content : JSON.stringify(content))

it.each([
  ['boolean', 'true'],
  ['integer', '3'],
  ['http-response-json', JSON.stringify({ statusCode: 200, body: '{"hello": "world"}' })],
])('test_lambda_url_invocation[%s]', async (id, value) => {
  const test = `TestLambdaURL::test_lambda_url_invocation[${id}]`
  const name = `url-${id}`
  const url = await createUrl(name, returning(value))
  const arn = `arn:aws:lambda:us-east-1:${account}:function:${name}`
  // What AWS adds to the answer since: InvokeMode is always there.
  const created = seenJson(url.created)
  expect(created).toEqual(recorded(test, 'create_lambda_url_config', { 'function:<resource:1>': `function:${name}` }))
  expect(jsonOf(JSON.parse(url.created.body)).FunctionArn).toBe(arn)
  const permission = recorded(test, 'add_permission', { 'function:<resource:1>': `function:${name}` })
  expect({
    ...seenJson(url.permitted),
    body: { Statement: JSON.parse(JSON.parse(url.permitted.body).Statement) },
  }).toEqual(permission)
  const answer = await call(url, { method: 'POST', body: '{}' })
  const { content, headers, statuscode } = invocation.parse(recordedValue(test, 'lambda_url_invocation'))
  expect(answer.status).toBe(statuscode)
  expect(typeof content === 'string' ? answer.body : JSON.parse(answer.body)).toEqual(content)
  for (const [header, text] of Object.entries(headers)) expect(answer.headers[header.toLowerCase()]).toBe(text)
})

it('test_lambda_url_echo_http_fixture_trim_x_headers', async () => {
  const test = 'TestLambdaURL::test_lambda_url_echo_http_fixture_trim_x_headers'
  const echo = `
    export const handler = (event) => {
      const headers = Object.fromEntries(Object.entries(event.headers).filter(([name]) => !name.startsWith('x-')))
      const { http, domainName } = event.requestContext
      return { statusCode: 200, body: JSON.stringify({
        args: event.queryStringParameters,
        data: JSON.parse(event.body),
        domain: domainName,
        headers,
        method: http.method,
        origin: http.sourceIp,
        path: http.path,
      }) }
    }`
  const url = await createUrl('echo', echo)
  const answer = await call(url, {
    method: 'POST',
    path: '/path/1?q=query',
    headers: {
      accept: '*/*',
      'accept-encoding': 'gzip, deflate',
      'content-type': 'application/json',
      'extra-headers': 'With WeiRd CapS',
      'user-agent': 'test/echo',
      'x-own': 'trimmed',
    },
    body: '{"foo": "bar"}',
  })
  const { body } = recorded(test, 'url_response', { '<domain:1>': url.host })
  const { headers, ...rest } = jsonOf(JSON.parse(answer.body))
  // Node.js says how it keeps the connection, AWS takes that header away.
  const { connection: _, ...seen } = jsonOf(headers)
  expect({ ...rest, headers: seen }).toEqual(body)
})

it('test_lambda_url_non_existing_url', async () => {
  recordedValue('TestLambdaURL::test_lambda_url_non_existing_url', '')
  const { status, headers, body } = await call({
    host: `${'0123456789abcdef'.repeat(2)}.lambda-url.us-east-1.localhost`,
  })
  expect([status, body, headers['x-amzn-errortype']]).toEqual([403, '{"Message":null}', 'AccessDeniedException'])
})

it('test_request_id_invoke_url', async () => {
  const test = 'TestRequestIdHandling::test_request_id_invoke_url'
  const url = await createUrl('request-id', `export const handler = () => 'hi'`)
  const answer = await call(url, { method: 'POST', body: `{'key':'value'}` })
  const { content, statuscode } = invocation.parse(recordedValue(test, 'lambda_url_invocation'))
  expect([answer.status, answer.body]).toEqual([statuscode, contentOf(content)])
  const requestId = String(answer.headers['x-amzn-requestid'])
  const path = join(server.dataDir, 'logs', account, 'request-id.log')
  await eventually(() => existsSync(path) && readFileSync(path, 'utf8').includes('\nEND '))
  const ends = readFileSync(path, 'utf8').match(/^END .*$/gm)
  const expected = z.array(z.string()).parse(recordedValue(test, 'end_log_entries'))
  expect(ends).toEqual(expected.map((line) => line.replace('<uuid:1>', requestId)))
})

replaysAllOf('urls')
