/** A whole server with HTTP components on it, each with a URL that anybody may call, and requests over real sockets. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { IncomingMessage, request, type Agent, type ClientRequest, type IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  CreateFunctionUrlConfigCommand,
  InvokeWithResponseStreamCommand,
  PutFunctionConcurrencyCommand,
  waitUntilFunctionActiveV2,
  type CreateFunctionCommandInput,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { expect, vi } from 'vitest'
import { role, startQuickServer, type TestServer } from '../server.ts'

export interface Called {
  method?: string
  /** Names and values in turn. */
  headers?: string[]
  body?: string | Uint8Array | Readable | undefined
  agent?: Agent
  host?: string
}

export interface Reply {
  status: number | undefined
  headers: IncomingHttpHeaders
  rawHeaders: string[]
  bytes: Buffer
  body: string
  trailers: NodeJS.Dict<string>
  informed: { status: number; headers: IncomingHttpHeaders }[]
}

/** A function with a URL. */
export interface Deployed {
  name: string
  host: string
  /** Rejects if the connection ends before the response is whole. */
  send(path?: string, called?: Called): Promise<Reply>
  /** A request whose body is the caller's to write and end. */
  open(path?: string, called?: Called): Opened
  /** All of its log there is by now. */
  log(): Promise<string>
  /** Waits for it, behind so many characters of the log. */
  logged(pattern: RegExp, since?: number): Promise<void>
}

export interface Opened {
  outgoing: ClientRequest
  response: Promise<IncomingMessage>
}

export interface HttpServer extends AsyncDisposable {
  server: TestServer
  deploy(name: string, component: Uint8Array, input?: DeployInput): Promise<Deployed>
  /** The one worker's process. */
  pid(): number | undefined
  /** An operation that the SDK does not know all of. */
  api(method: string, path: string, body: unknown): Promise<unknown>
}

export interface DeployInput extends Partial<CreateFunctionCommandInput> {
  reserved?: number
  invokeMode?: 'BUFFERED' | 'RESPONSE_STREAM' | undefined
}

/** One worker, so that neighbours share it; the instances' resets are checked. */
export async function startHttpServer(overrides: Record<string, unknown> = {}): Promise<HttpServer> {
  const server = await startQuickServer({ workers: 1, verifyResets: true, ...overrides })
  const { client, thaw, dataDir } = server
  const { port } = new URL(thaw.url)
  // Two at a time, as there are cores: more would take as long, and each of them longer.
  const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()]
  let deployments = 0
  const create = (name: string, input: Partial<CreateFunctionCommandInput>): Promise<void> => {
    const lane = deployments++ % lanes.length
    const created = Promise.resolve(lanes[lane]).then(() => createAndWait(client, name, input))
    lanes[lane] = created.catch(() => {})
    return created
  }
  return {
    server,
    pid: () => thaw.workers().serving[0],
    async deploy(name, component, { reserved, invokeMode, ...input } = {}) {
      await create(name, { Code: { ZipFile: component }, ...input })
      const { FunctionUrl = '' } = await client.send(
        new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: 'NONE', InvokeMode: invokeMode }),
      )
      await client.send(
        new AddPermissionCommand({
          FunctionName: name,
          StatementId: 'public',
          Principal: '*',
          Action: 'lambda:InvokeFunctionUrl',
          FunctionUrlAuthType: 'NONE',
        }),
      )
      if (reserved !== undefined)
        await client.send(
          new PutFunctionConcurrencyCommand({ FunctionName: name, ReservedConcurrentExecutions: reserved }),
        )
      const { host } = new URL(FunctionUrl)
      const open = (path = '/', called: Called = {}) => openRequest(port, host, path, called)
      const log = () => readFile(join(dataDir, 'logs', '000000000000', `${name}.log`), 'utf8').catch(() => '')
      return {
        name,
        host,
        open,
        send: async (path = '/', called = {}) => sendRequest(open(path, called), called.body),
        log,
        logged: (pattern, since = 0) =>
          vi.waitFor(async () => expect((await log()).slice(since)).toMatch(pattern), { timeout: 20_000 }),
      }
    },
    async api(method, path, body) {
      const response = await fetch(`${thaw.url}${path}`, { method, body: JSON.stringify(body) })
      const answer: unknown = await response.json()
      if (!response.ok) throw new Error(JSON.stringify(answer))
      return answer
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** A component of 14 MB on a busy machine takes longer than others wait for. */
async function createAndWait(
  client: LambdaClient,
  FunctionName: string,
  input: Partial<CreateFunctionCommandInput>,
): Promise<void> {
  const common = { Role: role, Runtime: 'provided.component' as never, Handler: 'index.handler', Code: {}, Timeout: 20 }
  await client.send(new CreateFunctionCommand({ FunctionName, ...common, ...input }))
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 170, minDelay: 0.05, maxDelay: 0.2 }, { FunctionName })
}

function openRequest(port: string, host: string, path: string, called: Called): Opened {
  const { method = 'GET', headers = [], agent } = called
  const outgoing = request({
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: ['host', called.host ?? host, ...headers],
    ...(agent !== undefined && { agent }),
  })
  const response = once(outgoing, 'response').then(([incoming]): IncomingMessage => incoming)
  // Who awaits the response, or reads it, is told; not everybody does.
  outgoing.on('error', () => {})
  response.catch(() => {})
  return { outgoing, response }
}

async function sendRequest({ outgoing, response }: Opened, body: Called['body']): Promise<Reply> {
  const informed: Reply['informed'] = []
  outgoing.on('information', ({ statusCode, headers }) => informed.push({ status: statusCode, headers }))
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) outgoing.end(body)
  else body.pipe(outgoing)
  const incoming = await response
  const { statusCode: status, headers, rawHeaders } = incoming
  const bytes = await buffer(incoming)
  return { status, headers, rawHeaders, bytes, body: bytes.toString(), trailers: incoming.trailers, informed }
}

/**
 * What of a response came before its connection was cut, and that it was. Nothing may have come: what was on its way is
 * lost where a connection is cut.
 */
export async function cutOff({ outgoing, response }: Opened): Promise<{ status: number | undefined; body: string }> {
  outgoing.end()
  const incoming = await response.catch((error: unknown) => error)
  if (!(incoming instanceof IncomingMessage)) {
    expect(incoming).toMatchObject({ code: 'ECONNRESET' })
    return { status: undefined, body: '' }
  }
  const pieces: Buffer[] = []
  incoming.on('data', (piece: Buffer) => pieces.push(piece))
  await expect(once(incoming, 'end')).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(incoming.complete).toBe(false)
  return { status: incoming.statusCode, body: Buffer.concat(pieces).toString() }
}

/** A request in payload format 2.0. */
export const eventOf = (rawPath: string, more: Record<string, unknown> = {}, method = 'GET') => ({
  version: '2.0',
  rawPath,
  headers: {},
  requestContext: { http: { method } },
  ...more,
})

export interface Streamed {
  chunks: Buffer[]
  body: string
  errorCode: string | undefined
  errorDetails: string | undefined
  log: string
}

/** InvokeWithResponseStream, to its end. */
export async function invokeStreamed({ client }: TestServer, name: string, event: unknown): Promise<Streamed> {
  const answer = await client.send(
    new InvokeWithResponseStreamCommand({ FunctionName: name, Payload: JSON.stringify(event), LogType: 'Tail' }),
  )
  const streamed: Streamed = {
    chunks: [],
    body: '',
    errorCode: undefined,
    errorDetails: undefined,
    log: '',
  }
  for await (const { PayloadChunk, InvokeComplete } of answer.EventStream ?? []) {
    if (PayloadChunk?.Payload !== undefined) streamed.chunks.push(Buffer.from(PayloadChunk.Payload))
    if (InvokeComplete === undefined) continue
    streamed.errorCode = InvokeComplete.ErrorCode
    streamed.errorDetails = InvokeComplete.ErrorDetails
    streamed.log = Buffer.from(InvokeComplete.LogResult ?? '', 'base64').toString()
  }
  streamed.body = Buffer.concat(streamed.chunks).toString()
  return streamed
}

/** The head that a streamed payload begins with, and the body after it. */
export function prelude(payload: Buffer): { head: unknown; body: Buffer } {
  const at = payload.indexOf(Buffer.alloc(8))
  if (at === -1) throw new Error('the payload has no head')
  return { head: JSON.parse(payload.subarray(0, at).toString()), body: payload.subarray(at + 8) }
}
