/** Who may do what: who sent a request, and what accounts may do with each other's functions. */
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { Documents } from '../store/documents.ts'
import { policies } from '../store/policies.ts'
import type { CodeUrls } from './code-url.ts'
import type { KeyRing } from './key-ring.ts'
import { isAllowed, rootArn } from './policy.ts'
import type { Caller, SignedRequest, SigningService } from './request.ts'
import { createVerifier } from './verifier.ts'

/** A function as a request names it. */
export interface FunctionTarget {
  accountId: string
  functionName: string
  /** `$LATEST` unless the request says otherwise. */
  qualifier: string
}

export interface Access {
  /**
   * Who sent it. The body is read only if the signature has to be checked.
   * Errors: `MissingAuthenticationToken`, `IncompleteSignature`, `InvalidSignature`, `UnrecognizedClient`, and
   * `AccessDenied` for a link to a package that does not hold.
   */
  authenticate(request: SignedRequest, service?: SigningService): Promise<Caller>
  /**
   * An account may do everything with what is its own; with another's, what the resource policy grants.
   * `action` is as in policies: `lambda:GetFunction`. Errors: `AccessDenied`, also where there is no such function.
   */
  assertAllowed(caller: Caller, action: string, target: FunctionTarget): Promise<void>
}

export interface AccessOptions {
  config: Pick<Config, 'auth' | 'host' | 'accountId' | 'region'>
  keyRing: Pick<KeyRing, 'find'>
  codeUrls: Pick<CodeUrls, 'callerOf'>
  documents: Documents
  clock: { now(): Date }
}

/** Throws `Config` as `authModeOf` does. */
export function createAccess({ config, keyRing, codeUrls, documents, clock }: AccessOptions): Access {
  const verify = createVerifier(keyRing, config, clock)
  const policyOf = policies(documents)
  return {
    authenticate: async (request, service) => codeUrls.callerOf(request) ?? (await verify(request, service)),

    async assertAllowed({ accountId }, action, target) {
      if (accountId === target.accountId) return
      const qualified = target.qualifier === '$LATEST' ? '' : `:${target.qualifier}`
      const resource = `arn:aws:lambda:${config.region}:${target.accountId}:function:${target.functionName}${qualified}`
      const policy = await policyOf.get(target.accountId, target.functionName, target.qualifier)
      if (
        policy !== undefined &&
        isAllowed(policy.value.statements, { principal: { account: accountId }, action, resource })
      )
        return
      throw new ThawError(
        'AccessDenied',
        `User: ${rootArn(accountId)} is not authorized to perform: ${action} on resource: ${resource} ` +
          `because no resource-based policy allows the ${action} action`,
      )
    },
  }
}
