/** AddPermission, GetPolicy, RemovePermission: one resource policy a qualifier. */
import { randomUUID } from 'node:crypto'
import type { Config } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import type { Documents } from '../../store/documents.ts'
import { policies, type Policy, type Statement } from '../../store/policies.ts'
import { latest } from '../../store/records.ts'
import { lockKey } from '../deployer.ts'
import type { KeyedLock } from '../keyed-lock.ts'
import { functionArn, functionNotFound, type FunctionRef } from '../names.ts'
import { newStatement, policyText, type PermissionInput } from './statements.ts'
import type { Targets } from './targets.ts'

export interface PermissionsOptions {
  documents: Documents
  targets: Targets
  config: Pick<Config, 'region' | 'limits'>
  /** Of the functions, so that no deletion comes between. */
  lock: KeyedLock
  /** Told of every change, before its caller is. */
  changed(ref: FunctionRef): Promise<void>
}

/** Errors: `ResourceNotFound`, `ResourceConflict`, `PreconditionFailed`, `PolicyLengthExceeded`, `InvalidParameterValue`. */
export interface Permissions {
  add(ref: FunctionRef, input: PermissionInput, revisionId: string | undefined): Promise<Statement>
  get(ref: FunctionRef): Promise<Policy>
  remove(ref: FunctionRef, statementId: string, revisionId: string | undefined): Promise<void>
}

const notFound = (message: string) => new ThawError('ResourceNotFound', message)

export function createPermissions({ documents, targets, config, lock, changed }: PermissionsOptions): Permissions {
  const { region, limits } = config
  const collection = policies(documents)
  const find = (ref: FunctionRef) => collection.get(ref.accountId, ref.functionName, ref.qualifier)
  const arnOf = (ref: FunctionRef, qualifier?: string) =>
    functionArn({ accountId: ref.accountId, region }, ref.functionName, qualifier)

  return {
    add: (ref, input, revisionId) =>
      lock.run(lockKey(ref), async () => {
        if (ref.explicitQualifier === latest)
          throw new ThawError('InvalidParameterValue', 'We currently do not support adding policies for $LATEST.')
        if (!(await targets.functionExists(ref))) throw functionNotFound(region, ref, undefined)
        const target = await targets.require(ref)
        const current = await find(ref)
        // Before there is a policy, what it will belong to has the revision.
        assertRevision(revisionId, current?.value.revisionId ?? target.revisionId)
        const before = current?.value.statements ?? []
        const { statementId } = input
        if (before.some(({ Sid }) => Sid === statementId))
          throw new ThawError(
            'ResourceConflict',
            `The statement id (${statementId}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
          )
        const statement = newStatement(input, arnOf(ref, ref.explicitQualifier))
        const statements = [...before, statement]
        const size = Buffer.byteLength(policyText(statements))
        if (size > limits.policyBytes)
          throw new ThawError(
            'PolicyLengthExceeded',
            `The final policy size (${size}) is bigger than the limit (${limits.policyBytes}).`,
          )
        const policy = { revisionId: randomUUID(), statements }
        await collection.put(ref.accountId, ref.functionName, ref.qualifier, policy, current?.revision ?? 'absent')
        await changed(ref)
        return statement
      }),

    async get(ref) {
      if (!(await targets.functionExists(ref))) throw functionNotFound(region, ref, undefined)
      const policy = await find(ref)
      if (policy === undefined) throw notFound('The resource you requested does not exist.')
      return policy.value
    },

    remove: (ref, statementId, revisionId) =>
      lock.run(lockKey(ref), async () => {
        if (!(await targets.functionExists(ref))) throw notFound(`No policy found for: ${arnOf(ref)}`)
        await targets.require(ref)
        const current = await find(ref)
        if (current === undefined) throw notFound('No policy is associated with the given resource.')
        const statements = current.value.statements.filter(({ Sid }) => Sid !== statementId)
        if (statements.length === current.value.statements.length)
          throw notFound(`Statement ${statementId} is not found in resource policy.`)
        assertRevision(revisionId, current.value.revisionId)
        const { accountId, functionName, qualifier } = ref
        if (statements.length === 0) await collection.delete(accountId, functionName, qualifier, current.revision)
        else {
          const policy = { revisionId: randomUUID(), statements }
          await collection.put(accountId, functionName, qualifier, policy, current.revision)
        }
        await changed(ref)
      }),
  }
}

function assertRevision(expected: string | undefined, actual: string): void {
  if (expected === undefined || expected === actual) return
  throw new ThawError(
    'PreconditionFailed',
    'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id',
  )
}
