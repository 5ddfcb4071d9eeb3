/** The Lambda API over plain HTTP, signed when the environment has an access key. */
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { Sha256 } from '../identity/canonical.ts'
import { UsageError } from './options.ts'

export interface ClientRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Percent-encoded. */
  path: string
  query?: Record<string, string>
  headers?: Record<string, string>
  /** Bytes as they are, else JSON. */
  body?: unknown
}

export interface ClientAnswer {
  status: number
  headers: Headers
  body: Buffer
}

export interface Client {
  /** Without a slash at its end. */
  readonly endpoint: string
  /** Whatever the status. Throws `Unavailable` if nobody answers. */
  send(request: ClientRequest): Promise<ClientAnswer>
  /** The JSON of an answer below 300. Throws `ServiceFault` with the server's message. */
  json<T>(schema: z.ZodType<T>, request: ClientRequest): Promise<T>
}

/** The server refused: its status, the exception's name, its words. */
export class ServiceFault extends ThawError {
  readonly status: number
  readonly type: string

  constructor(status: number, type: string, message: string) {
    super('Service', message)
    this.status = status
    this.type = type
  }
}

const defaultEndpoint = 'http://127.0.0.1:9000'
const errorSchema = z.object({ message: z.string().optional(), Message: z.string().optional() })

export function createClient(given: string | undefined, env: NodeJS.ProcessEnv = process.env): Client {
  const endpoint = endpointOf(given ?? env.THAW_ENDPOINT ?? defaultEndpoint)
  const sign = signerOf(env)
  const client: Client = {
    endpoint,
    async send({ method, path, query = {}, headers = {}, body }) {
      const bytes = body === undefined || body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
      const { host } = new URL(endpoint)
      const search = new URLSearchParams(query).toString().replaceAll('+', '%20')
      const signed = await sign(
        new HttpRequest({
          method,
          path,
          query,
          headers: { ...headers, host },
          ...(bytes === undefined ? {} : { body: bytes }),
        }),
      )
      const { host: _, ...sent } = signed
      try {
        const response = await fetch(`${endpoint}${path}${search === '' ? '' : `?${search}`}`, {
          method,
          headers: sent,
          ...(bytes === undefined ? {} : { body: new Uint8Array(bytes) }),
        })
        return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) }
      } catch (cause) {
        throw new ThawError(
          'Unavailable',
          `No server answers at ${endpoint} (${reasonOf(cause)}): "thaw start" starts one, --endpoint names another`,
          { cause },
        )
      }
    },
    async json(schema, request) {
      const answer = await client.send(request)
      if (answer.status >= 300) throw faultOf(answer)
      return schema.parse(answer.body.length === 0 ? {} : JSON.parse(answer.body.toString()))
    },
  }
  return client
}

export function faultOf({ status, headers, body }: ClientAnswer): ServiceFault {
  const type = headers.get('x-amzn-errortype') ?? ''
  const parsed = errorSchema.safeParse(parseJson(body.toString())).data
  const message = parsed?.message ?? parsed?.Message ?? `the server answered ${status}`
  return new ServiceFault(status, type, type === '' ? message : `${type}: ${message}`)
}

function endpointOf(text: string): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '')
    throw new UsageError(`${text} is no http:// or https:// address`)
  return url.href.replace(/\/$/, '')
}

type Sign = (request: HttpRequest) => Promise<Record<string, string>>

function signerOf(env: NodeJS.ProcessEnv): Sign {
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = env
  if (accessKeyId === '' || secretAccessKey === '') return async ({ headers }) => headers
  const region = env.THAW_REGION ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1'
  const signer = new SignatureV4({
    credentials: { accessKeyId, secretAccessKey },
    region,
    service: 'lambda',
    sha256: Sha256,
  })
  return async (request) => (await signer.sign(request)).headers
}

function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error ? (cause.cause ?? cause) : cause
  if (inner instanceof AggregateError && inner.errors[0] instanceof Error) return inner.errors[0].message
  return inner instanceof Error ? inner.message : String(inner)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
