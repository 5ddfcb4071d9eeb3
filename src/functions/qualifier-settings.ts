/** A version or an alias. */
export interface QualifiedKey {
  accountId: string
  functionName: string
  /** A number or an alias's name. */
  qualifier: string
}

/** What is kept for single versions and aliases. Told under the function's lock. */
export interface QualifierSettings {
  /** It is about to go. */
  dropQualifier(key: QualifiedKey): Promise<void>
  /** The alias points to other versions, and the data plane knows. */
  aliasMoved(key: QualifiedKey): Promise<void>
}
