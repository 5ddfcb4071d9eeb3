/** InvokeFunction over the workers' private sockets, by the route that clients use. */
import { Agent, request, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { EventInvocation, EventResult, InvokeFunction } from '../events/invoking.ts'
import { internalHeaders } from '../worker/internal-headers.ts'

export interface InvokerOptions {
  /** Private sockets of the workers that serve now. */
  sockets(): readonly string[]
}

export interface Invoker extends Disposable {
  /** Never rejects. */
  readonly invoke: InvokeFunction
}

interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

export function createInvoker({ sockets }: InvokerOptions): Invoker {
  const agent = new Agent({ keepAlive: true })
  let turn = 0

  const send = (invocation: EventInvocation, socketPath: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { accountId, functionName, qualifier, requestId, hops, payload, clientContext, signal } = invocation
      const headers: Record<string, string | number> = {
        [internalHeaders.account]: accountId,
        [internalHeaders.requestId]: requestId,
        [internalHeaders.hops]: hops,
        'content-length': payload.length,
      }
      if (clientContext !== undefined) headers['x-amz-client-context'] = Buffer.from(clientContext).toString('base64')
      const path = `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations?Qualifier=${encodeURIComponent(qualifier)}`
      const outgoing = request({ agent, socketPath, method: 'POST', path, headers, signal }, (response) => {
        buffer(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          reject,
        )
      })
      outgoing.on('error', reject)
      outgoing.end(payload)
    })

  return {
    async invoke(invocation) {
      const serving = sockets()
      const socketPath = serving[turn++ % serving.length]
      if (socketPath === undefined) return { kind: 'unavailable', message: 'No worker serves.' }
      try {
        return resultOf(await send(invocation, socketPath))
      } catch (error) {
        return { kind: 'unavailable', message: error instanceof Error ? error.message : String(error) }
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

function resultOf({ status, headers, body }: Answer): EventResult {
  if (status === 200) {
    const executedVersion = String(headers['x-amz-executed-version'])
    return { kind: headers['x-amz-function-error'] === undefined ? 'success' : 'error', payload: body, executedVersion }
  }
  const { message, reason } = errorOf(body)
  if (status === 429) return { kind: 'throttled', reason }
  if (status === 404 || status === 409) return { kind: 'missing', message }
  return { kind: 'unavailable', message: `${status} ${message}` }
}

function errorOf(body: Buffer): { message: string; reason: string } {
  try {
    const { message, Message, Reason }: Record<string, unknown> = JSON.parse(body.toString())
    return { message: String(message ?? Message ?? ''), reason: String(Reason ?? 'CallerRateLimitExceeded') }
  } catch {
    return { message: body.toString(), reason: 'CallerRateLimitExceeded' }
  }
}
