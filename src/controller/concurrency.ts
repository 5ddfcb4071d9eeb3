/** Who draws on which pool of the shared page, and how much there is in each. */
import { ThawError } from '../errors.ts'
import type { ConcurrencySlots } from '../memory/slots.ts'
import type { FunctionKey, QualifiedKey, WorkerChange } from '../worker/messages.ts'

interface Pool {
  readonly index: number
  concurrency: number
}

interface FunctionPools {
  reserved: Pool | undefined
  /** By qualifier. */
  provisioned: Map<string, Pool>
}

interface AccountPools {
  pool: number
  functions: Map<string, FunctionPools>
  /** Workers may still draw on these. */
  retiring: Set<number>
}

/** What has been decided: the workers are to be told, then it is to be settled. */
export interface ConcurrencyStep {
  tell: WorkerChange[]
  settle(): void
}

const nothing: ConcurrencyStep = { tell: [], settle: () => {} }

/**
 * An account's concurrency is dealt out: to functions with reserved concurrency, to qualifiers with provisioned
 * concurrency (out of the function's reservation if it has one, else out of the account's), the rest is everybody's.
 * At no moment do the limits of an account's pools add up to more than it has: what grows waits for what shrinks, and a
 * pool that ends keeps its share until every worker knows.
 */
export class ConcurrencyBook {
  readonly #slots: ConcurrencySlots
  readonly #accountConcurrency: number
  readonly #accounts = new Map<string, AccountPools>()
  #free: number[]

  constructor(slots: ConcurrencySlots, accountConcurrency: number) {
    this.#slots = slots
    this.#accountConcurrency = accountConcurrency
    this.#free = Array.from({ length: slots.pools }, (_, index) => index)
  }

  /** Gives the account a pool if it has none. Errors: `Service`, no pool is free. */
  account(accountId: string): ConcurrencyStep {
    if (this.#accounts.has(accountId)) return nothing
    const pool = this.#take()
    this.#accounts.set(accountId, { pool, functions: new Map(), retiring: new Set() })
    this.#deal(accountId)
    return { tell: [{ accountPool: { accountId, pool } }], settle: () => {} }
  }

  /** `concurrency` undefined ends it. Errors: `Service`, no pool is free. */
  reserve({ accountId, functionName }: FunctionKey, concurrency: number | undefined): ConcurrencyStep {
    const before = this.#function(accountId, functionName)
    if (concurrency === undefined && before.reserved === undefined) return nothing
    if (concurrency === undefined) {
      const settle = this.#retire(accountId, before.reserved)
      before.reserved = undefined
      return { tell: [{ functionPool: { accountId, functionName, pool: undefined } }], settle }
    }
    if (before.reserved !== undefined) {
      before.reserved.concurrency = concurrency
      this.#deal(accountId)
      return nothing
    }
    before.reserved = { index: this.#take(), concurrency }
    this.#deal(accountId)
    return { tell: [{ functionPool: { accountId, functionName, pool: before.reserved.index } }], settle: () => {} }
  }

  /** 0 ends it. Errors: `Service`, no pool is free. */
  provision({ accountId, functionName, qualifier }: QualifiedKey, concurrency: number): ConcurrencyStep {
    const { provisioned } = this.#function(accountId, functionName)
    const before = provisioned.get(qualifier)
    const told = (pool: number | undefined): WorkerChange => ({
      provisionedPool: { accountId, functionName, qualifier, pool },
    })
    if (concurrency === 0) {
      if (before === undefined) return nothing
      provisioned.delete(qualifier)
      const settle = this.#retire(accountId, before)
      return { tell: [told(undefined)], settle }
    }
    if (before !== undefined) {
      before.concurrency = concurrency
      this.#deal(accountId)
      return nothing
    }
    const pool = { index: this.#take(), concurrency }
    provisioned.set(qualifier, pool)
    this.#deal(accountId)
    return { tell: [told(pool.index)], settle: () => {} }
  }

  /** All that the function has. Workers drop it with the function. */
  remove({ accountId, functionName }: FunctionKey): ConcurrencyStep {
    const found = this.#accounts.get(accountId)?.functions.get(functionName)
    if (found === undefined) return nothing
    this.#accounts.get(accountId)?.functions.delete(functionName)
    const settles = [found.reserved, ...found.provisioned.values()].map((pool) => this.#retire(accountId, pool))
    return {
      tell: [],
      settle() {
        for (const settle of settles) settle()
      },
    }
  }

  /** What a worker that starts now must know. */
  changes(): WorkerChange[] {
    const changes: WorkerChange[] = []
    for (const [accountId, { pool, functions }] of this.#accounts) {
      changes.push({ accountPool: { accountId, pool } })
      for (const [functionName, { reserved, provisioned }] of functions) {
        if (reserved !== undefined) changes.push({ functionPool: { accountId, functionName, pool: reserved.index } })
        for (const [qualifier, { index }] of provisioned)
          changes.push({ provisionedPool: { accountId, functionName, qualifier, pool: index } })
      }
    }
    return changes
  }

  /** Every qualifier with provisioned concurrency. */
  *provisioned(): Generator<QualifiedKey & { concurrency: number }> {
    for (const [accountId, { functions }] of this.#accounts) {
      for (const [functionName, { provisioned }] of functions) {
        for (const [qualifier, { concurrency }] of provisioned)
          yield { accountId, functionName, qualifier, concurrency }
      }
    }
  }

  /** One that holds nothing, if there is one: what is held would count against its next use. */
  #take(): number {
    const empty = this.#free.findIndex((pool) => this.#slots.inUse(pool) === 0)
    const [index] = this.#free.splice(Math.max(0, empty), 1)
    if (index === undefined)
      throw new ThawError(
        'Service',
        `No concurrency pool is free: all ${this.#slots.pools} are in use (limit concurrencyPools).`,
      )
    return index
  }

  #account(accountId: string): AccountPools {
    this.account(accountId)
    const account = this.#accounts.get(accountId)
    if (account === undefined) throw new ThawError('Service', `Account ${accountId} has no concurrency pool.`)
    return account
  }

  #function(accountId: string, functionName: string): FunctionPools {
    const { functions } = this.#account(accountId)
    let found = functions.get(functionName)
    if (found === undefined) functions.set(functionName, (found = { reserved: undefined, provisioned: new Map() }))
    return found
  }

  #retire(accountId: string, pool: Pool | undefined): () => void {
    if (pool === undefined) return () => {}
    const { retiring } = this.#account(accountId)
    retiring.add(pool.index)
    return () => {
      if (!retiring.delete(pool.index)) return
      this.#slots.setLimit(pool.index, 0)
      this.#free.push(pool.index)
      this.#deal(accountId)
    }
  }

  /**
   * Stores the limits of an account's pools: first those that sink, then those that grow, as far as there is room beside
   * what still retires.
   */
  #deal(accountId: string): void {
    const { pool, functions, retiring } = this.#account(accountId)
    const wanted = new Map<number, number>()
    let unreserved = this.#accountConcurrency
    for (const { reserved, provisioned } of functions.values()) {
      let taken = 0
      for (const { index, concurrency } of provisioned.values()) {
        taken += concurrency
        wanted.set(index, concurrency)
      }
      unreserved -= reserved?.concurrency ?? taken
      if (reserved !== undefined) wanted.set(reserved.index, Math.max(0, reserved.concurrency - taken))
    }
    wanted.set(pool, Math.max(0, unreserved))
    let room = this.#accountConcurrency
    for (const index of retiring) room -= this.#slots.limit(index)
    for (const [index, limit] of wanted) {
      if (limit < this.#slots.limit(index)) this.#slots.setLimit(index, limit)
      room -= this.#slots.limit(index)
    }
    for (const [index, limit] of wanted) {
      const grown = Math.min(limit - this.#slots.limit(index), room)
      if (grown <= 0) continue
      this.#slots.setLimit(index, this.#slots.limit(index) + grown)
      room -= grown
    }
  }
}
