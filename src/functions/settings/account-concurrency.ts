/** What an account's functions have set aside of its concurrency. */
import type { Limits } from '../../config.ts'
import { provisionedConcurrencies, reservedConcurrencies, reservedConcurrencyKey } from '../../store/concurrency.ts'
import type { Documents } from '../../store/documents.ts'

export interface AccountConcurrency {
  /** What a function has reserved; undefined if it draws on what nobody has. */
  reserved(accountId: string, functionName: string): Promise<number | undefined>
  /** By qualifier. */
  provisioned(accountId: string, functionName: string): Promise<Map<string, number>>
  /** What is left to functions without a reservation; without what `except` has set aside, if given. */
  unreserved(accountId: string, except?: string): Promise<number>
}

/** Whoever decides by these answers holds this lock, outside that of the function. */
export const accountLockKey = (accountId: string): string => `concurrency:${accountId}`

export function createAccountConcurrency(documents: Documents, limits: Limits): AccountConcurrency {
  const reservedBy = reservedConcurrencies(documents)
  const provisionedBy = provisionedConcurrencies(documents)
  return {
    reserved: async (accountId, functionName) =>
      (await reservedBy.get(accountId, functionName, reservedConcurrencyKey))?.value.concurrency,

    async provisioned(accountId, functionName) {
      const found = await provisionedBy.list({ accountId, scope: functionName })
      return new Map(found.map(({ key, value }) => [key, value.requested]))
    },

    async unreserved(accountId, except) {
      const setAside = new Map<string, number>()
      for (const { scope, value } of await provisionedBy.list({ accountId }))
        setAside.set(scope, (setAside.get(scope) ?? 0) + value.requested)
      // Provisioned concurrency comes out of the function's reservation where there is one.
      for (const { scope, value } of await reservedBy.list({ accountId })) setAside.set(scope, value.concurrency)
      if (except !== undefined) setAside.delete(except)
      return limits.accountConcurrency - sum(setAside.values())
    },
  }
}

export const sum = (numbers: Iterable<number>): number => Iterator.from(numbers).reduce((total, n) => total + n, 0)
