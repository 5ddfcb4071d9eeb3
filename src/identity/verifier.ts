/** Who sent a request. No store needed: workers check Invoke by themselves, with the keys they were told. */
import type { Config } from '../config.ts'
import { devCaller } from './auth-mode.ts'
import { createSigner } from './canonical.ts'
import type { KeyRing } from './key-ring.ts'
import type { Caller, SignedRequest, SigningService } from './request.ts'
import { verifySignature } from './signature.ts'

/**
 * In dev mode anybody is the one account, and nothing of the request is read. (Where even a call is too much, as for each
 * Invoke: ask `devCaller` once.) Errors: those of `verifySignature`.
 */
export type Verify = (request: SignedRequest, service?: SigningService) => Promise<Caller>

export function createVerifier(
  keyRing: Pick<KeyRing, 'find'>,
  config: Pick<Config, 'auth' | 'host' | 'accountId' | 'region'>,
  clock: { now(): Date },
): Verify {
  const anybody = devCaller(config)
  if (anybody !== undefined) return async () => anybody
  const { region } = config
  const signer = createSigner(region)
  return (request, service = 'lambda') =>
    verifySignature(request, { keyRing, signer, region, service, now: clock.now() })
}
