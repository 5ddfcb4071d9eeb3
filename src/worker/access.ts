/** Who sent a request by the public port. */
import type { IncomingMessage } from 'node:http'
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import { devCaller } from '../identity/auth-mode.ts'
import type { KeyRing } from '../identity/key-ring.ts'
import type { Caller } from '../identity/request.ts'

export interface WorkerAccess {
  /**
   * In whose account the function is looked up: of the access key that the request names, which proves nothing yet.
   * Undefined: the controller is to answer (no signature, unknown key).
   */
  accountOf(incoming: IncomingMessage): string | undefined
  /** The same of a request to a function URL. Undefined: it is not signed, or by an unknown key. */
  signerOf(incoming: IncomingMessage): Caller | undefined
  /**
   * Proves it, once the body is there. Left out in dev mode, where anybody is let in.
   * Errors: `InvalidSignature` and the like.
   */
  verify?(incoming: IncomingMessage, body: Uint8Array, accountId: string): Promise<void>
}

export async function createWorkerAccess(
  keyRing: Pick<KeyRing, 'find'>,
  config: Pick<Config, 'auth' | 'host' | 'accountId' | 'region'>,
  clock: { now(): Date } = { now: () => new Date() },
): Promise<WorkerAccess> {
  const anybody = devCaller(config)
  if (anybody !== undefined) {
    return {
      accountOf: () => anybody.accountId,
      // Whatever the signature is, there has to be one: what works here is to work with accounts.
      signerOf: (incoming) => (keyIdOf(incoming) === undefined ? undefined : anybody),
    }
  }
  // Only where it is needed: the signer's modules are half of what a worker loads.
  const { createVerifier } = await import('../identity/verifier.ts')
  const verify = createVerifier(keyRing, config, clock)
  const signerOf = (incoming: IncomingMessage): Caller | undefined => keyRing.find(keyIdOf(incoming) ?? '')
  return {
    accountOf: (incoming) => signerOf(incoming)?.accountId,
    signerOf: (incoming) => {
      const signer = signerOf(incoming)
      return signer && { accountId: signer.accountId, accessKeyId: signer.accessKeyId }
    },

    async verify({ method = '', url = '', headers }, body, accountId) {
      const caller = await verify({ method, url, headers, body: async () => body })
      // Two readings of one header must not differ.
      if (caller.accountId !== accountId)
        throw new ThawError('InvalidSignature', 'The request names more than one access key.')
    },
  }
}

/** As the request says. */
function keyIdOf({ headers, url = '' }: IncomingMessage): string | undefined {
  const credential =
    /\bCredential=([^/,\s]+)/.exec(headers.authorization ?? '') ?? /[?&]X-Amz-Credential=(\w+)/.exec(url)
  return credential?.[1]
}
