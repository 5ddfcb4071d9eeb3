/** What a function returned as the HTTP response of its URL. */
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { z } from 'zod'

export interface UrlResponse {
  status: number
  /** Names and values in turn. */
  headers: string[]
  body: Uint8Array
}

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String)

const proxyResult = z.object({
  statusCode: z
    .union([z.number(), z.string().regex(/^\d{3}$/)])
    .transform(Number)
    .pipe(z.int().min(200).max(599)),
  headers: z.record(z.string(), scalar).nullish(),
  cookies: z.array(z.string()).nullish(),
  body: z.unknown().optional(),
  isBase64Encoded: z.boolean().nullish(),
})

/** About the connection, or made from the body: the function's own would contradict it. */
const reserved = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * A value with a `statusCode` says what the response is; any other is the body of a 200, a string as it is.
 * @param payload JSON text
 * @returns undefined for a value that is no response: AWS answers 502
 */
export function urlResponse(payload: Uint8Array): UrlResponse | undefined {
  const value: unknown = parsed(payload)
  if (typeof value !== 'object' || value === null || !('statusCode' in value)) {
    const body = typeof value === 'string' ? Buffer.from(value) : payload
    return { status: 200, headers: ['content-type', 'application/json'], body }
  }
  const result = proxyResult.safeParse(value)
  if (!result.success) return undefined
  const { statusCode, headers, cookies, body, isBase64Encoded } = result.data
  const pairs = Object.entries(headers ?? {}).filter(([name]) => !reserved.has(name.toLowerCase()))
  if (!pairs.some(([name]) => name.toLowerCase() === 'content-type')) pairs.push(['content-type', 'application/json'])
  for (const cookie of cookies ?? []) pairs.push(['set-cookie', cookie])
  if (!pairs.every(([name, value]) => isValidHeader(name, value))) return undefined
  return { status: statusCode, headers: pairs.flat(), body: bytesOf(body, isBase64Encoded === true) }
}

function bytesOf(body: unknown, isBase64: boolean): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0)
  if (typeof body === 'string') return Buffer.from(body, isBase64 ? 'base64' : 'utf8')
  return Buffer.from(JSON.stringify(body))
}

function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString())
  } catch {
    // A component may return any bytes.
    return undefined
  }
}

function isValidHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
