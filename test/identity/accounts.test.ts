import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createAccounts, type Accounts } from '../../src/identity/accounts.ts'
import { createKeyRing, type KeyChange, type KeyRing } from '../../src/identity/key-ring.ts'
import { createSealer, openSecretKey } from '../../src/identity/secret-key.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createSqliteDocuments } from '../../src/store/sqlite-documents.ts'
import { temporaryFolder } from '../store/temp.ts'

interface Opened {
  accounts: Accounts
  ring: KeyRing
  published: KeyChange[]
  folder: string
}

const createdAt = '2026-01-31T12:00:00.000Z'

/** @param told what everybody who is told of a new key waits for */
async function open(folder?: string, told = Promise.resolve()): Promise<Opened> {
  const dataDir = folder ?? (await temporaryFolder())
  const database = openDatabase({ path: join(dataDir, 'thaw.db') })
  onTestFinished(() => database[Symbol.dispose]())
  const ring = createKeyRing()
  const published: KeyChange[] = []
  const accounts = createAccounts({
    documents: createSqliteDocuments(database),
    sealer: createSealer(await openSecretKey(dataDir)),
    clock: { now: () => new Date(createdAt) },
    async publish(change) {
      if ('putKey' in change) await told
      ring.apply(change)
      published.push(change)
    },
  })
  return { accounts, ring, published, folder: dataDir }
}

describe('accounts', () => {
  test('get an id of 12 digits, or the one that was asked for', async () => {
    const { accounts } = await open()
    const chosen = await accounts.create({ accountId: '000000000000', name: 'ours' })
    expect(chosen).toEqual({ accountId: '000000000000', name: 'ours', createdAt, disabled: false })
    const other = await accounts.create({})
    expect(other).toEqual({ accountId: expect.stringMatching(/^[1-9]\d{11}$/), name: '', createdAt, disabled: false })
    expect(await accounts.list()).toEqual([chosen, other])
  })

  test('have ids of 12 digits, each once', async () => {
    const { accounts } = await open()
    await expect(accounts.create({ accountId: '12' })).rejects.toMatchObject({ code: 'InvalidParameterValue' })
    await accounts.create({ accountId: '111111111111' })
    await expect(accounts.create({ accountId: '111111111111' })).rejects.toMatchObject({ code: 'ResourceConflict' })
  })
})

describe('access keys', () => {
  test('look like AWS ones and are in force at once', async () => {
    const { accounts, ring, published } = await open()
    const { accountId } = await accounts.create({})
    const key = await accounts.createKey(accountId)
    expect(key).toEqual({
      accountId,
      accessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
      secret: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/),
    })
    expect(published).toEqual([{ putKey: key }])
    expect(ring.find(key.accessKeyId)).toMatchObject(key)
    expect(await accounts.listKeys(accountId)).toEqual([{ accessKeyId: key.accessKeyId, accountId, createdAt }])
  })

  test('are on disk, but not their secrets', async () => {
    const { accounts, folder } = await open()
    const { accountId } = await accounts.create({})
    const { secret, accessKeyId } = await accounts.createKey(accountId)
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
    expect(files.some((bytes) => bytes.includes(accessKeyId))).toBe(true)
    expect(files.some((bytes) => bytes.includes(secret))).toBe(false)
  })

  test('are found again by the next server, but for those of disabled accounts', async () => {
    const { accounts, folder } = await open()
    const { accountId } = await accounts.create({})
    const key = await accounts.createKey(accountId)
    const other = await accounts.create({})
    await accounts.createKey(other.accountId)
    await accounts.setDisabled(other.accountId, true)
    expect(await (await open(folder)).accounts.keys()).toEqual([{ putKey: key }])
  })

  test('that were sealed with another secret.key are an error', async () => {
    const { accounts, folder } = await open()
    const { accountId } = await accounts.create({})
    await accounts.createKey(accountId)
    const database = openDatabase({ path: join(folder, 'thaw.db') })
    onTestFinished(() => database[Symbol.dispose]())
    const elsewhere = createAccounts({
      documents: createSqliteDocuments(database),
      sealer: createSealer(await openSecretKey(await temporaryFolder())),
      clock: { now: () => new Date() },
      publish: async () => {},
    })
    await expect(elsewhere.keys()).rejects.toMatchObject({ code: 'Config' })
  })

  test('go', async () => {
    const { accounts, ring } = await open()
    const { accountId } = await accounts.create({})
    const { accessKeyId } = await accounts.createKey(accountId)
    const kept = await accounts.createKey(accountId)
    await accounts.deleteKey(accessKeyId)
    expect(ring.find(accessKeyId)).toBeUndefined()
    expect(ring.changes()).toEqual([{ putKey: kept }])
    expect(await accounts.listKeys()).toHaveLength(1)
    await expect(accounts.deleteKey(accessKeyId)).rejects.toMatchObject({ code: 'ResourceNotFound' })
  })

  test('of an account that is not there', async () => {
    const { accounts } = await open()
    const missing = { code: 'ResourceNotFound', message: 'There is no account 111111111111.' }
    await expect(accounts.createKey('111111111111')).rejects.toMatchObject(missing)
    await expect(accounts.listKeys('111111111111')).rejects.toMatchObject(missing)
    await expect(accounts.setDisabled('111111111111', true)).rejects.toMatchObject(missing)
  })
})

describe('a disabled account', () => {
  test('has no key that counts, until it is enabled again', async () => {
    const { accounts, ring } = await open()
    const { accountId } = await accounts.create({})
    const key = await accounts.createKey(accountId)
    expect(await accounts.setDisabled(accountId, true)).toMatchObject({ disabled: true })
    expect(await accounts.list()).toMatchObject([{ disabled: true }])
    expect(ring.find(key.accessKeyId)).toBeUndefined()
    const later = await accounts.createKey(accountId)
    expect(ring.find(later.accessKeyId)).toBeUndefined()
    await accounts.setDisabled(accountId, false)
    expect(ring.changes()).toHaveLength(2)
  })

  test('has none of the keys that are made meanwhile, however long it takes to tell of them', async () => {
    const gate = Promise.withResolvers<void>()
    const { accounts, ring } = await open(undefined, gate.promise)
    const { accountId } = await accounts.create({})
    const changes = [
      accounts.createKey(accountId),
      accounts.setDisabled(accountId, true),
      accounts.createKey(accountId),
    ]
    await new Promise(setImmediate)
    gate.resolve()
    await Promise.all(changes)
    expect(ring.changes()).toEqual([])
    expect(await accounts.listKeys(accountId)).toHaveLength(2)
  })
})
