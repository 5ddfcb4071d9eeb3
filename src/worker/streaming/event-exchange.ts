/** An HTTP component that is invoked with an event: payload format 2.0 in, and its response as a function would return it. */
import { z } from 'zod'
import type { Invocation, InvocationResult } from '../../invocation.ts'
import { BodyError, sourceOf, type BodySink, type PayloadStream } from '../../http/body.ts'
import type { HttpExchange, HttpRequest, HttpResponseHead } from '../../http/message.ts'
import { responseTooLarge } from '../../instance/handle-abi.ts'
import { CollectedBody } from '../../instance/payload-stream.ts'
import { eventHeaders, integrationType, writeIntegrationHead } from './integration-head.ts'

// What of it goes into the head of a request is as HTTP has it: RFC 9110, sections 5.1 and 5.5, RFC 9112, section 3.2.
const token = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'is no token of HTTP')
const fieldValue = z.string().regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, 'has characters that are not of one byte')

const eventSchema = z.object({
  version: z.literal('2.0'),
  rawPath: z
    .string()
    .regex(/^\/[!"$->@-~]*$/, 'is no percent-encoded path')
    .default('/'),
  rawQueryString: z
    .string()
    .regex(/^[!"$-~]*$/, 'is no percent-encoded query')
    .default(''),
  cookies: z.array(fieldValue).default([]),
  headers: z.record(token, fieldValue).default({}),
  requestContext: z.object({ domainName: z.string().optional(), http: z.object({ method: token }) }),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().default(false),
})

/** `invalid`: why the payload is no request, in words for the caller. */
export function requestOfEvent(payload: Uint8Array): HttpRequest | { invalid: string } {
  const parsed = eventSchema.safeParse(jsonOf(payload))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const path = issue?.path.join('.') ?? ''
    return { invalid: `${path === '' ? 'the event' : path}: ${issue?.message ?? 'it is none'}` }
  }
  const { rawPath, rawQueryString, cookies, headers, requestContext, body = '', isBase64Encoded } = parsed.data
  const list: [string, string][] = Object.entries(headers)
  const has = (name: string) => list.some(([other]) => other.toLowerCase() === name)
  if (cookies.length > 0 && !has('cookie')) list.push(['cookie', cookies.join('; ')])
  const authority =
    list.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? requestContext.domainName ?? 'localhost'
  const scheme = list.find(([name]) => name.toLowerCase() === 'x-forwarded-proto')?.[1] === 'https' ? 'https' : 'http'
  return {
    method: requestContext.http.method,
    scheme,
    authority,
    pathWithQuery: rawQueryString === '' ? rawPath : `${rawPath}?${rawQueryString}`,
    headers: list,
    body: sourceOf(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')),
  }
}

function jsonOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString())
  } catch {
    return undefined
  }
}

/** Sets `invocation.http` by its payload. Returns the exchange of a response that is collected, if it is. */
export function openExchange(
  invocation: Pick<Invocation, 'payload' | 'http' | 'payloadStream'>,
  mostBytes: number,
): BufferedExchange | undefined {
  const request = requestOfEvent(invocation.payload)
  if ('invalid' in request) {
    invocation.http = request
    return undefined
  }
  const { payloadStream } = invocation
  const buffered = payloadStream === undefined ? new BufferedExchange(request, mostBytes) : undefined
  invocation.http = payloadStream === undefined ? buffered : streamedExchange(request, payloadStream)
  return buffered
}

/** The response is collected, and given as the payload of the invocation. */
export class BufferedExchange implements HttpExchange {
  readonly request: HttpRequest
  readonly #body: CollectedBody
  readonly #mostBytes: number
  #head: HttpResponseHead | undefined

  constructor(request: HttpRequest, mostBytes: number) {
    this.request = request
    this.#mostBytes = mostBytes
    this.#body = new CollectedBody(mostBytes)
  }

  readonly responder = {
    inform: () => {},
    respond: (head: HttpResponseHead): BodySink => {
      assertFinal(head)
      this.#head = head
      return this.#body
    },
  }

  failed(): void {}

  /** JSON text: statusCode, headers, cookies, body, isBase64Encoded. */
  resultOf(result: InvocationResult): InvocationResult {
    if (result.outcome.kind === 'failure') return result
    const payload = this.#payload()
    if (payload.length > this.#mostBytes)
      return { ...result, outcome: { kind: 'failure', failure: responseTooLarge(this.#mostBytes) } }
    return { ...result, outcome: { kind: 'success', payload } }
  }

  #payload(): Uint8Array {
    const { status = 200, headers = [] } = this.#head ?? {}
    const bodiless = this.request.method === 'HEAD' || status === 204 || status === 205 || status === 304
    const bytes = bodiless ? Buffer.alloc(0) : Buffer.from(this.#body.bytes())
    const { joined, cookies } = eventHeaders(headers)
    const text = utf8Of(bytes)
    const response = {
      statusCode: status,
      headers: joined,
      ...(cookies.length > 0 && { cookies }),
      body: text ?? bytes.toString('base64'),
      isBase64Encoded: text === undefined,
    }
    return Buffer.from(JSON.stringify(response))
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8Of(bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

function assertFinal({ status }: HttpResponseHead): void {
  if (status < 200 || status > 599)
    throw new BodyError('protocol', `${status} is no status of a response: those are 200 to 599.`)
}

/** The response goes out as it comes, in the form in which functions stream one. */
function streamedExchange(request: HttpRequest, stream: PayloadStream): HttpExchange {
  return {
    request,
    responder: {
      inform() {},
      respond(head) {
        assertFinal(head)
        const sink = stream.start(integrationType)
        if (sink.failure === undefined) sink.write(writeIntegrationHead(head))
        return sink
      },
    },
    failed() {},
  }
}
