/** Whole servers under the account of the recordings, and invocations seen as the recorder saw them. */
import { z } from 'zod'
import { account } from '../api/recorded.ts'
import { invokePath, send, type Answer, type RequestOptions } from '../worker/support/harness.ts'
import { startQuickServer, zipOf, type TestServer } from './server.ts'

export const startRecorded = (overrides: Record<string, unknown> = {}): Promise<TestServer> =>
  startQuickServer({ accountId: account, ...overrides })

/** What the functions of these tests are: the event says what to do. */
const scripted = `
  export const handler = async (event, context) => {
    if (event.log !== undefined) console.info(event.log)
    if (event.sleepMs !== undefined) await new Promise((resolve) => setTimeout(resolve, event.sleepMs))
    if (event.throw !== undefined) throw new Error(event.throw)
    if (event.exit !== undefined) process.exit(event.exit)
    if (event.bytes !== undefined) return 'x'.repeat(event.bytes)
    if (event.environment !== undefined) return { [event.environment]: process.env[event.environment] }
    if (event.requestId !== undefined) return context.awsRequestId
    if (event.nothing === undefined) return event
  }`

export async function createScripted(server: TestServer, name: string, more = {}, source = scripted): Promise<void> {
  await server.create(name, { Code: { ZipFile: await zipOf({ 'index.mjs': source }) }, ...more })
}

export function invokeOf({ thaw }: TestServer) {
  return (event: unknown, headers: RequestOptions['headers'] = {}, name = 'f'): Promise<Answer> =>
    send({ port: thaw.port, method: 'POST', path: invokePath(name), headers, body: JSON.stringify(event) })
}

/** Any operation, as it is on the wire. */
export function requestOf({ thaw }: TestServer) {
  return (method: string, path: string, body?: unknown): Promise<Answer> =>
    send({ port: thaw.port, method, path, ...(body !== undefined && { body: JSON.stringify(body) }) })
}

/** As the recorder shows an answer to Invoke: JSON objects parsed, anything else as text. */
export function seenInvoke({ status, headers, body }: Answer) {
  const errorType = headers['x-amzn-errortype'] ?? null
  if (errorType !== null) return { status, errorType, body: jsonOf(JSON.parse(body)) }
  return {
    status,
    errorType,
    body: {
      StatusCode: status,
      ExecutedVersion: headers['x-amz-executed-version'],
      FunctionError: headers['x-amz-function-error'],
      Payload: body.startsWith('{') ? jsonOf(JSON.parse(body)) : body,
    },
  }
}

const jsonObject = z.record(z.string(), z.unknown())
export const jsonOf = (value: unknown): Record<string, unknown> => jsonObject.parse(value)
