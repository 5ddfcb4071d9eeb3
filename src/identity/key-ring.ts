/** The access keys that may sign now, in memory: what the controller and every worker check signatures against. */

export interface AccessKey {
  accessKeyId: string
  accountId: string
  /** In the clear. Never logged, never stored so. */
  secret: string
}

/** How a key ring follows what accounts do. A disabled account's keys are removed. */
export type KeyChange = { putKey: AccessKey } | { removeKey: { accessKeyId: string } }

export interface HeldKey extends AccessKey {
  /** Derived keys by date and service (SigV4's signing keys): they cost four HMACs each. */
  readonly signingKeys: Map<string, Promise<Uint8Array>>
}

export interface KeyRing {
  apply(change: KeyChange): void
  find(accessKeyId: string): HeldKey | undefined
  /** What another ring has to be told to become as this one. */
  changes(): KeyChange[]
}

export function createKeyRing(changes: readonly KeyChange[] = []): KeyRing {
  const keys = new Map<string, HeldKey>()
  const apply = (change: KeyChange): void => {
    if ('putKey' in change) keys.set(change.putKey.accessKeyId, { ...change.putKey, signingKeys: new Map() })
    else keys.delete(change.removeKey.accessKeyId)
  }
  for (const change of changes) apply(change)
  return {
    apply,
    find: (accessKeyId) => keys.get(accessKeyId),
    changes: () =>
      [...keys.values()].map(({ accessKeyId, accountId, secret }) => ({ putKey: { accessKeyId, accountId, secret } })),
  }
}
