/** What a function's name and qualifier stand for, as settings ask. */
import { ThawError } from '../../errors.ts'
import { aliasesOf } from '../../store/aliases.ts'
import type { Documents } from '../../store/documents.ts'
import { latest } from '../../store/records.ts'
import type { Store } from '../../store/store.ts'
import { functionArn, functionNotFound, type FunctionRef } from '../names.ts'

export type Target =
  | { kind: 'latest'; revisionId: string }
  | { kind: 'version'; version: string; revisionId: string }
  /** `versions`: the one it points to, and the one that gets a share of the invocations. */
  | { kind: 'alias'; versions: string[]; revisionId: string }

export interface Targets {
  /** Undefined: no such function, version or alias. */
  find(ref: FunctionRef): Promise<Target | undefined>
  functionExists(ref: Pick<FunctionRef, 'accountId' | 'functionName'>): Promise<boolean>
  qualifierExists(ref: FunctionRef): Promise<boolean>
  /** Errors: `ResourceNotFound`, with the text that AWS has for that kind of qualifier. */
  require(ref: FunctionRef): Promise<Target>
}

const isNumber = (qualifier: string): boolean => /^\d+$/.test(qualifier)
const aliasName = /^[a-zA-Z0-9_-]+$/

export interface TargetsOptions {
  store: Pick<Store, 'getFunction'>
  documents: Documents
  region: string
}

export function createTargets({ store, documents, region }: TargetsOptions): Targets {
  const aliases = aliasesOf(documents)

  const find = async (ref: FunctionRef): Promise<Target | undefined> => {
    const { accountId, functionName, qualifier } = ref
    if (qualifier === latest || isNumber(qualifier)) {
      const record = await store.getFunction({ accountId, functionName, version: qualifier })
      if (record === undefined) return undefined
      const { revisionId } = record
      return qualifier === latest ? { kind: 'latest', revisionId } : { kind: 'version', version: qualifier, revisionId }
    }
    const alias = await aliases.get(accountId, functionName, qualifier)
    if (alias === undefined) return undefined
    const { functionVersion, additional, revisionId } = alias.value
    const versions = additional === undefined ? [functionVersion] : [functionVersion, additional.version]
    return { kind: 'alias', versions, revisionId }
  }

  return {
    find,
    qualifierExists: async (ref) => (await find(ref)) !== undefined,
    functionExists: async ({ accountId, functionName }) =>
      (await store.getFunction({ accountId, functionName, version: latest })) !== undefined,
    async require(ref) {
      const target = await find(ref)
      if (target !== undefined) return target
      const { accountId, functionName, qualifier, explicitQualifier } = ref
      if (qualifier === latest || isNumber(qualifier) || !aliasName.test(qualifier))
        throw functionNotFound(region, ref, explicitQualifier)
      const arn = functionArn({ accountId, region }, functionName, qualifier)
      throw new ThawError('ResourceNotFound', `Cannot find alias arn: ${arn}`)
    },
  }
}

/** Of settings that belong to the function as a whole: AWS refuses `$LATEST` too. Errors: `InvalidParameterValue`. */
export function assertNoQualifier({ explicitQualifier }: FunctionRef): void {
  if (explicitQualifier === undefined) return
  throw new ThawError(
    'InvalidParameterValue',
    'This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.',
  )
}
