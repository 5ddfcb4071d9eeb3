/** Accounts and their access keys. A secret is handed out once, when its key is made; kept is only what was sealed of it. */
import { randomBytes, randomInt } from 'node:crypto'
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { createCollection, type Documents, type Entry } from '../store/documents.ts'
import type { AccessKey, KeyChange } from './key-ring.ts'
import type { Sealer } from './secret-key.ts'

const accountSchema = z.object({
  name: z.string(),
  /** ISO 8601. */
  createdAt: z.string(),
  disabled: z.boolean(),
})

const accessKeySchema = z.object({
  createdAt: z.string(),
  /** The secret, sealed for `accountId/accessKeyId`. */
  sealedSecret: z.string(),
})

export interface Account extends z.infer<typeof accountSchema> {
  /** 12 digits. */
  accountId: string
}

/** What can be shown of a key. */
export interface AccessKeyInfo {
  accessKeyId: string
  accountId: string
  createdAt: string
}

export interface NewAccount {
  /** One that is free if left out. */
  accountId?: string | undefined
  name?: string | undefined
}

/** Changes are done one after the other, and their keys are in force everywhere when they resolve. */
export interface Accounts {
  /** Throws `ResourceConflict` if there is one with this id, `InvalidParameterValue` if the id is none. */
  create(account: NewAccount): Promise<Account>
  list(): Promise<Account[]>
  /** Its keys count for nothing while it is disabled. Throws `ResourceNotFound`. */
  setDisabled(accountId: string, disabled: boolean): Promise<Account>
  /** Throws `ResourceNotFound`. */
  createKey(accountId: string): Promise<AccessKey>
  listKeys(accountId?: string): Promise<AccessKeyInfo[]>
  /** Throws `ResourceNotFound`. */
  deleteKey(accessKeyId: string): Promise<void>
  /** Every key that may sign now. Throws `Config` if they were sealed with another secret.key. */
  keys(): Promise<KeyChange[]>
}

export interface AccountsOptions {
  documents: Documents
  sealer: Sealer
  clock: { now(): Date }
  /** Resolves when everybody who checks signatures knows. */
  publish: (change: KeyChange) => Promise<void>
}

const present = ({ accountId, value }: Entry<z.infer<typeof accountSchema>>): Account => ({ accountId, ...value })

export function createAccounts({ documents, sealer, clock, publish }: AccountsOptions): Accounts {
  const accounts = createCollection(documents, 'account', accountSchema)
  const accessKeys = createCollection(documents, 'access-key', accessKeySchema)
  let last: Promise<unknown> = Promise.resolve()
  /** So that no key is published of an account that is disabled meanwhile. */
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const done = last.then(change)
    last = done.catch(() => {})
    return done
  }

  const find = async (accountId: string): Promise<Entry<z.infer<typeof accountSchema>>> => {
    const found = await accounts.get(accountId, '', accountId)
    if (found === undefined) throw new ThawError('ResourceNotFound', `There is no account ${accountId}.`)
    return found
  }
  const opened = ({ accountId, key, value }: Entry<z.infer<typeof accessKeySchema>>): KeyChange => {
    const secret = sealer.open(value.sealedSecret, `${accountId}/${key}`)
    return { putKey: { accessKeyId: key, accountId, secret } }
  }
  const keysOf = (accountId: string | undefined) =>
    accessKeys.list(accountId === undefined ? {} : { accountId, scope: '' })

  return {
    create: ({ accountId, name = '' }) =>
      inTurn(async () => {
        if (accountId !== undefined && !/^\d{12}$/.test(accountId))
          throw new ThawError('InvalidParameterValue', `An account's id has 12 digits: ${accountId}`)
        const id = accountId ?? (await freeId())
        if ((await accounts.get(id, '', id)) !== undefined)
          throw new ThawError('ResourceConflict', `There is an account ${id} already.`)
        const value = { name, createdAt: clock.now().toISOString(), disabled: false }
        await accounts.put(id, '', id, value, 'absent')
        return { accountId: id, ...value }
      }),

    list: async () => (await accounts.list()).map(present),

    setDisabled: (accountId, disabled) =>
      inTurn(async () => {
        const { value, revision } = await find(accountId)
        const changed = { ...value, disabled }
        if (value.disabled !== disabled) await accounts.put(accountId, '', accountId, changed, revision)
        // Told again even if it was so before: the last attempt may have failed at the telling.
        for (const entry of await keysOf(accountId))
          await publish(disabled ? { removeKey: { accessKeyId: entry.key } } : opened(entry))
        return { accountId, ...changed }
      }),

    createKey: (accountId) =>
      inTurn(async () => {
        const { value: account } = await find(accountId)
        const key = { accessKeyId: newKeyId(), accountId, secret: randomBytes(30).toString('base64') }
        const sealedSecret = sealer.seal(key.secret, `${accountId}/${key.accessKeyId}`)
        const createdAt = clock.now().toISOString()
        await accessKeys.put(accountId, '', key.accessKeyId, { createdAt, sealedSecret }, 'absent')
        if (!account.disabled) await publish({ putKey: key })
        return key
      }),

    listKeys: async (accountId) => {
      if (accountId !== undefined) await find(accountId)
      const entries = await keysOf(accountId)
      return entries.map((entry) => ({
        accessKeyId: entry.key,
        accountId: entry.accountId,
        createdAt: entry.value.createdAt,
      }))
    },

    deleteKey: (accessKeyId) =>
      inTurn(async () => {
        const found = (await keysOf(undefined)).find(({ key }) => key === accessKeyId)
        if (found === undefined) throw new ThawError('ResourceNotFound', `There is no access key ${accessKeyId}.`)
        await accessKeys.delete(found.accountId, '', accessKeyId, found.revision)
        await publish({ removeKey: { accessKeyId } })
      }),

    keys: async () => {
      const disabled = new Set((await accounts.list()).filter(({ value }) => value.disabled).map((a) => a.accountId))
      return (await keysOf(undefined)).filter(({ accountId }) => !disabled.has(accountId)).map(opened)
    },
  }

  async function freeId(): Promise<string> {
    for (;;) {
      // The first digit is not 0: some tools take an id for a number.
      const id = `${randomInt(1, 10)}${String(randomInt(100_000_000_000)).padStart(11, '0')}`
      if ((await accounts.get(id, '', id)) === undefined) return id
    }
  }
}

/** As AWS's look: AKIA and 16 of base32's characters (RFC 4648). */
function newKeyId(): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  return `AKIA${[...randomBytes(16)].map((byte) => alphabet[byte % 32]).join('')}`
}
