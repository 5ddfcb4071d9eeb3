/** Who may use a layer version besides the account that it belongs to. */
import { randomUUID } from 'node:crypto'
import { ThawError } from '../errors.ts'
import {
  layerScope,
  versionKey,
  type LayerCollections,
  type LayerStatement,
  type LayerVersion,
} from '../store/layers.ts'
import { layerVersionArn, type LayerRef, type LayerVersionRef } from './layer-names.ts'

export type LayerPolicy = NonNullable<LayerVersion['policy']>

export interface LayerPermissionInput {
  statementId: string
  principal: string
  organizationId: string | undefined
  revisionId: string | undefined
}

/** Errors: `ResourceNotFound`, `ResourceConflict`, `PreconditionFailed`; `AccessDenied` for another account's layer. */
export interface LayerPolicies {
  add(
    caller: string,
    ref: LayerVersionRef,
    input: LayerPermissionInput,
  ): Promise<{ statement: string; revisionId: string }>
  remove(caller: string, ref: LayerVersionRef, statementId: string, revisionId: string | undefined): Promise<void>
  /** The policy as JSON. */
  get(caller: string, ref: LayerVersionRef): Promise<{ policy: string; revisionId: string }>
}

const action = 'lambda:GetLayerVersion'

export function createLayerPolicies({ versions }: Pick<LayerCollections, 'versions'>, region: string): LayerPolicies {
  const require = async (caller: string, ref: LayerVersionRef, wanted: string) => {
    const arn = layerVersionArn(ref)
    assertOwner(caller, ref, wanted, arn)
    const found =
      ref.region === region
        ? await versions.get(ref.accountId, layerScope(ref.layerName), versionKey(ref.version))
        : undefined
    if (found === undefined) throw new ThawError('ResourceNotFound', `Layer version ${arn} does not exist.`)
    return found
  }

  type Found = Awaited<ReturnType<typeof require>>
  const write = async (found: Found, statements: LayerStatement[]): Promise<string> => {
    const { policy: _before, ...rest } = found.value
    const revisionId = randomUUID()
    const value = statements.length === 0 ? rest : { ...rest, policy: { revisionId, statements } }
    await versions.put(found.accountId, found.scope, found.key, value, found.revision)
    return revisionId
  }

  return {
    async add(caller, ref, { statementId, principal, organizationId, revisionId }) {
      const found = await require(caller, ref, 'lambda:AddLayerVersionPermission')
      const { policy } = found.value
      const before = policy?.statements ?? []
      if (before.some(({ sid }) => sid === statementId))
        throw new ThawError(
          'ResourceConflict',
          `The statement id (${statementId}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
        )
      assertRevision(policy, revisionId)
      const statement: LayerStatement = { sid: statementId, principal, organizationId }
      const revision = await write(found, [...before, statement])
      return { statement: JSON.stringify(presentStatement(statement, ref)), revisionId: revision }
    },

    async remove(caller, ref, statementId, revisionId) {
      const found = await require(caller, ref, 'lambda:RemoveLayerVersionPermission')
      const { policy } = found.value
      if (policy === undefined) throw noPolicy()
      assertRevision(policy, revisionId)
      const kept = policy.statements.filter(({ sid }) => sid !== statementId)
      if (kept.length === policy.statements.length)
        throw new ThawError('ResourceNotFound', `Statement ${statementId} is not found in resource policy.`)
      await write(found, kept)
    },

    async get(caller, ref) {
      const { policy } = (await require(caller, ref, 'lambda:GetLayerVersionPolicy')).value
      if (policy === undefined) throw noPolicy()
      const { revisionId, statements } = policy
      const Statement = statements.map((statement) => presentStatement(statement, ref))
      return { policy: JSON.stringify({ Version: '2012-10-17', Id: 'default', Statement }), revisionId }
    },
  }
}

/** What only the owner may do. Errors: `AccessDenied`. */
export function assertOwner(caller: string, ref: LayerRef, wanted: string, arn: string): void {
  if (caller !== ref.accountId) throw denied(caller, wanted, arn)
}

/** The owner may, and whom the policy lets in. `found` undefined: there is no such version. Errors: `AccessDenied`. */
export function assertReadable(caller: string, ref: LayerVersionRef, found: LayerVersion | undefined): void {
  if (caller === ref.accountId) return
  const statements = found?.policy?.statements ?? []
  if (!statements.some((statement) => admits(statement, caller))) throw denied(caller, action, layerVersionArn(ref))
}

const admits = ({ principal, organizationId }: LayerStatement, accountId: string): boolean =>
  organizationId === undefined && (principal === '*' || accountOf(principal) === accountId)

const accountOf = (principal: string): string =>
  /^arn:aws[a-zA-Z-]*:iam::(\d{12}):root$/.exec(principal)?.[1] ?? principal

function presentStatement({ sid, principal, organizationId }: LayerStatement, ref: LayerVersionRef) {
  return {
    Sid: sid,
    Effect: 'Allow',
    Principal: principal === '*' ? '*' : { AWS: `arn:aws:iam::${accountOf(principal)}:root` },
    Action: action,
    Resource: layerVersionArn(ref),
    ...(organizationId === undefined ? {} : { Condition: { StringEquals: { 'aws:PrincipalOrgID': organizationId } } }),
  }
}

function assertRevision(policy: LayerPolicy | undefined, expected: string | undefined): void {
  if (expected === undefined || expected === policy?.revisionId) return
  throw new ThawError(
    'PreconditionFailed',
    'The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id',
  )
}

const noPolicy = () => new ThawError('ResourceNotFound', 'No policy is associated with the given resource.')

/** AWS's words for a caller of another account. */
const denied = (caller: string, wanted: string, arn: string) =>
  new ThawError(
    'AccessDenied',
    `User: arn:aws:iam::${caller}:root is not authorized to perform: ${wanted} on resource: ${arn} because no resource-based policy allows the ${wanted} action`,
  )
