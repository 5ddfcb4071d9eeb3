/**
 * Small JSON values with a revision: aliases, policies, mappings, accounts and the like. A key-value store with
 * compare-and-set is all it asks of a driver, so that a clustered one needs no more. Contract: test/store/documents.ts.
 */
import type { z } from 'zod'
import { ThawError } from '../errors.ts'

export interface DocumentKey {
  /** Which collection: `alias`, `policy`, `mapping`. */
  kind: string
  accountId: string
  /** The function's name for what belongs to a function and goes with it; `''` for what belongs to the account. */
  scope: string
  key: string
}

export interface Document extends DocumentKey {
  /** Of this store, never used twice, rising. */
  revision: number
  value: unknown
}

export interface DocumentQuery {
  kind: string
  /** All accounts if left out. */
  accountId?: string
  /** All scopes if left out. */
  scope?: string
  /** Only what comes after this one, in the order of account, scope, key (by code unit). */
  after?: Pick<DocumentKey, 'accountId' | 'scope' | 'key'>
  limit?: number
}

export interface Documents {
  get(key: DocumentKey): Promise<Document | undefined>
  /**
   * `expected` is the revision that is to be replaced, or `absent`.
   * Throws `ResourceConflict` if there is one already, `PreconditionFailed` if it is another or gone.
   */
  put(key: DocumentKey, value: unknown, expected: number | 'absent'): Promise<Document>
  /** Throws `PreconditionFailed` if it is another or gone. */
  delete(key: DocumentKey, expected: number): Promise<void>
  list(query: DocumentQuery): Promise<Document[]>
}

/** A document whose value was parsed. */
export interface Entry<T> extends DocumentKey {
  revision: number
  value: T
}

/** One kind of documents, typed. Errors: as `Documents`. */
export interface Collection<T> {
  get(accountId: string, scope: string, key: string): Promise<Entry<T> | undefined>
  put(accountId: string, scope: string, key: string, value: T, expected: number | 'absent'): Promise<Entry<T>>
  delete(accountId: string, scope: string, key: string, expected: number): Promise<void>
  list(query?: Omit<DocumentQuery, 'kind'>): Promise<Entry<T>[]>
}

export function createCollection<T>(documents: Documents, kind: string, schema: z.ZodType<T>): Collection<T> {
  const parse = ({ value, ...rest }: Document): Entry<T> => {
    const parsed = schema.safeParse(value)
    if (parsed.success) return { ...rest, value: parsed.data }
    throw new ThawError('Service', `A stored ${kind} cannot be read.`, { cause: parsed.error })
  }
  return {
    async get(accountId, scope, key) {
      const found = await documents.get({ kind, accountId, scope, key })
      return found === undefined ? undefined : parse(found)
    },
    put: async (accountId, scope, key, value, expected) =>
      parse(await documents.put({ kind, accountId, scope, key }, value, expected)),
    delete: (accountId, scope, key, expected) => documents.delete({ kind, accountId, scope, key }, expected),
    list: async (query = {}) => (await documents.list({ ...query, kind })).map(parse),
  }
}
