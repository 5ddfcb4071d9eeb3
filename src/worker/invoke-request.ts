/** The parts of an Invoke request, as an Invocation. */
import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { clientContextOf } from '../api/client-context.ts'
import { assertNoViolations, constraints } from '../functions/violations.ts'
import type { FunctionSpec, Invocation } from '../invocation.ts'

export type WorkerContext = Context<{ Bindings: HttpBindings }>

export class InvokeRequest implements Invocation {
  readonly requestId: string
  readonly spec: FunctionSpec
  readonly payload: Uint8Array
  readonly invokedFunctionArn: string
  readonly clientContext: string | undefined
  readonly tenantId: string | undefined
  readonly traceId: string | undefined
  http: Invocation['http']
  payloadStream: Invocation['payloadStream']
  readonly #context: WorkerContext

  /** `hops`: Thaw's invocations before this one. Errors: `InvalidRequestContent`, the client context. */
  constructor(
    c: WorkerContext,
    requestId: string,
    spec: FunctionSpec,
    payload: Uint8Array,
    invokedFunctionArn: string,
    hops: number,
  ) {
    const { headers } = c.env.incoming
    this.#context = c
    this.requestId = requestId
    this.spec = spec
    this.payload = payload
    this.invokedFunctionArn = invokedFunctionArn
    this.clientContext = clientContextOf(single(headers['x-amz-client-context']))
    this.tenantId = single(headers['x-amz-tenant-id'])
    this.traceId = hops === 0 ? single(headers['x-amzn-trace-id']) : `Lineage=thaw:${hops}`
  }

  /** Made when it is first asked for, which most invocations never do. */
  get signal(): AbortSignal {
    return this.#context.req.raw.signal
  }
}

/** Errors: `Validation` for a type that is none of `types`. */
export function invocationType<T extends string>({ headers }: IncomingMessage, types: readonly T[]): T | undefined {
  const value = headers['x-amz-invocation-type']
  if (value === undefined) return undefined
  const known = types.find((type) => type === value)
  if (known === undefined) assertNoViolations([{ path: 'invocationType', value, constraint: constraints.oneOf(types) }])
  return known
}

export function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}
