/**
 * A streamed payload that begins with a response's head, as AWS has it (`awslambda.HttpResponseStream`): JSON with
 * statusCode, headers and cookies, then eight zero bytes, then the body.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { z } from 'zod'
import type { HeaderList, HttpResponseHead } from '../../http/message.ts'

export const integrationType = 'application/vnd.awslambda.http-integration-response'

const delimiter = Buffer.alloc(8)

/** Ours: a head longer than this is none. Twice what HTTP servers take of one. */
const mostHeadBytes = 32_768

const headSchema = z.object({
  statusCode: z.int().min(200).max(599).default(200),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).default({}),
  cookies: z.array(z.string()).default([]),
})

/** Headers as events have them: names in lower case, repeated ones joined by commas, cookies apart. */
export function eventHeaders(headers: HeaderList): { joined: Record<string, string>; cookies: string[] } {
  const joined: Record<string, string> = {}
  const cookies: string[] = []
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (lower === 'set-cookie') cookies.push(value)
    else joined[lower] = joined[lower] === undefined ? value : `${joined[lower]}, ${value}`
  }
  return { joined, cookies }
}

export function writeIntegrationHead({ status, headers }: HttpResponseHead): Buffer {
  const { joined, cookies } = eventHeaders(headers)
  const head = { statusCode: status, headers: joined, ...(cookies.length > 0 && { cookies }) }
  return Buffer.concat([Buffer.from(JSON.stringify(head)), delimiter])
}

/** Takes a payload piece by piece until its head is whole. */
export class IntegrationHeadReader {
  #held = Buffer.alloc(0)

  get heldBytes(): number {
    return this.#held.length
  }

  /** Undefined: more is needed. 'invalid': it has no head. `rest`: what of the body has come with it. */
  push(bytes: Uint8Array): { head: HttpResponseHead; rest: Buffer } | 'invalid' | undefined {
    this.#held = Buffer.concat([this.#held, bytes])
    const at = this.#held.indexOf(delimiter)
    if (at > mostHeadBytes) return 'invalid'
    if (at === -1) return this.#held.length > mostHeadBytes ? 'invalid' : undefined
    const head = parsed(this.#held.subarray(0, at))
    return head === undefined ? 'invalid' : { head, rest: this.#held.subarray(at + delimiter.length) }
  }
}

function parsed(json: Buffer): HttpResponseHead | undefined {
  try {
    const { statusCode, headers, cookies } = headSchema.parse(JSON.parse(json.toString()))
    const list: [string, string][] = [
      ...Object.entries(headers),
      ...cookies.map((cookie): [string, string] => ['set-cookie', cookie]),
    ]
    for (const [name, value] of list) {
      validateHeaderName(name)
      validateHeaderValue(name, value)
    }
    return { status: statusCode, headers: list satisfies HeaderList }
  } catch {
    return undefined
  }
}
