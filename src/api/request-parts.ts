/** Parts of requests that many operations share. */
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { parseFunctionRef, type FunctionRef } from '../functions/names.ts'
import type { Access, ApiContext } from './context.ts'

/** The function that a request names, if its caller may do that with it. */
export type RefOf = (c: ApiContext, action: string) => Promise<FunctionRef>

/** Errors of what it makes: `parseFunctionRef`'s and `AccessDenied`. */
export function createRefOf(access: Pick<Access, 'assertAllowed'>, region: string): RefOf {
  return async (c, action) => {
    const caller = c.get('caller')
    const scope = { accountId: caller.accountId, region }
    const ref = parseFunctionRef(c.req.param('FunctionName') ?? '', c.req.query('Qualifier'), scope)
    await access.assertAllowed(caller, `lambda:${action}`, ref)
    return ref
  }
}

const jsonObject = z.record(z.string(), z.unknown())

/** An empty body counts as an empty object. Errors: `InvalidRequestContent`. */
export async function readJson(c: ApiContext): Promise<Record<string, unknown>> {
  const text = await c.req.text()
  try {
    return jsonObject.parse(text === '' ? {} : JSON.parse(text))
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? cause.message : 'an object is expected'
    throw new ThawError('InvalidRequestContent', `Could not parse request body into json: ${reason}`, { cause })
  }
}
