/**
 * What the controller says of an invocation that it sends to a worker's private socket. From the public port nothing
 * that begins with the prefix is believed, or handed on.
 */
import type { IncomingHttpHeaders } from 'node:http'

export const internalPrefix = 'x-thaw-'

export const internalHeaders = {
  account: 'x-thaw-account',
  requestId: 'x-thaw-request-id',
  hops: 'x-thaw-hops',
  /** The address of whoever connected to the worker that hands a request on. */
  peer: 'x-thaw-peer',
} as const

export interface InternalCaller {
  accountId: string
  requestId: string
  /** Invocations of Thaw before this one. */
  hops: number
}

/** Undefined: a request that another worker handed on. Only for requests that came by a private socket. */
export function internalCaller(headers: IncomingHttpHeaders): InternalCaller | undefined {
  const accountId = headers[internalHeaders.account]
  const requestId = headers[internalHeaders.requestId]
  if (typeof accountId !== 'string' || typeof requestId !== 'string') return undefined
  return { accountId, requestId, hops: Number(headers[internalHeaders.hops] ?? 0) }
}
