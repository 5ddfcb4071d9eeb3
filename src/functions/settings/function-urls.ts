/** The five operations on function URLs, and what the data plane is told of them. */
import { ThawError } from '../../errors.ts'
import type { Documents, Entry } from '../../store/documents.ts'
import { functionUrls, type FunctionUrl } from '../../store/function-urls.ts'
import { policies, type Policy } from '../../store/policies.ts'
import type { Clock, DataPlane, DataPlaneChange, FunctionUrlRoute } from '../collaborators.ts'
import { latest } from '../../store/records.ts'
import { lockKey } from '../deployer.ts'
import type { KeyedLock } from '../keyed-lock.ts'
import { functionArn, type FunctionRef } from '../names.ts'
import { assertNoViolations, constraints } from '../violations.ts'
import type { Page, PageInput } from '../page.ts'
import type { QualifiedKey } from '../qualifier-settings.ts'
import { pageOfSettings } from './pages.ts'
import { isPublicUrl } from './statements.ts'
import type { Targets } from './targets.ts'
import { newUrlId } from './url-address.ts'

/** What the request says. */
export type FunctionUrlInput = Pick<FunctionUrl, 'authType' | 'invokeMode' | 'cors'>

export interface FunctionUrlsOptions {
  documents: Documents
  targets: Targets
  dataPlane: Pick<DataPlane, 'publish'>
  region: string
  clock: Clock
  lock: KeyedLock
}

/** Errors: `Validation` for a qualifier that is no alias, `ResourceNotFound`, `ResourceConflict`. */
export interface FunctionUrls {
  create(ref: FunctionRef, input: FunctionUrlInput): Promise<FunctionUrl>
  get(ref: FunctionRef): Promise<FunctionUrl>
  update(ref: FunctionRef, input: Partial<FunctionUrlInput>): Promise<FunctionUrl>
  delete(ref: FunctionRef): Promise<void>
  list(ref: FunctionRef, input: PageInput): Promise<Page<Entry<FunctionUrl>>>
  /** The policy of the qualifier has changed. Call it under the function's lock. */
  republish(key: QualifiedKey): Promise<void>
  /** The qualifier is about to go. Call it under the function's lock. */
  drop(key: QualifiedKey): Promise<void>
  served(): Promise<DataPlaneChange[]>
}

const missing = () => new ThawError('ResourceNotFound', 'The resource you requested does not exist.')
const noFunction = () => new ThawError('ResourceNotFound', 'Function does not exist')

export function createFunctionUrls(options: FunctionUrlsOptions): FunctionUrls {
  const { documents, targets, dataPlane, region, clock, lock } = options
  const collection = functionUrls(documents)
  const policiesOf = policies(documents)

  const find = ({ accountId, functionName, qualifier }: QualifiedKey) =>
    collection.get(accountId, functionName, qualifier)

  const routeOf = (key: QualifiedKey, url: FunctionUrl, policy: Policy | undefined): FunctionUrlRoute => {
    const { accountId, functionName, qualifier } = key
    const resource = functionArn({ accountId, region }, functionName, qualifier === latest ? undefined : qualifier)
    const { urlId, authType, invokeMode = 'BUFFERED', cors } = url
    return {
      accountId,
      functionName,
      qualifier,
      urlId,
      authType,
      isPublic: authType === 'NONE' && isPublicUrl(policy, resource),
      statements: authType === 'AWS_IAM' ? (policy?.statements ?? []) : [],
      invokeMode,
      cors: cors && {
        allowCredentials: cors.allowCredentials,
        allowHeaders: cors.allowHeaders,
        allowMethods: cors.allowMethods,
        allowOrigins: cors.allowOrigins,
        exposeHeaders: cors.exposeHeaders,
        maxAgeSeconds: cors.maxAgeSeconds,
      },
    }
  }

  const publish = async (key: QualifiedKey, url: FunctionUrl): Promise<void> => {
    const policy = await policiesOf.get(key.accountId, key.functionName, key.qualifier)
    await dataPlane.publish({ putUrl: routeOf(key, url, policy?.value) })
  }

  const drop = async (key: QualifiedKey): Promise<boolean> => {
    const current = await find(key)
    if (current === undefined) return false
    // Workers first: should this fail, the config is still there to be deleted again.
    await dataPlane.publish({ removeUrl: { urlId: current.value.urlId } })
    await collection.delete(key.accountId, key.functionName, key.qualifier, current.revision)
    return true
  }

  return {
    create: (ref, input) =>
      lock.run(lockKey(ref), async () => {
        assertAlias(ref)
        if (!(await targets.qualifierExists(ref))) throw noFunction()
        const { accountId, functionName, qualifier, explicitQualifier } = ref
        if ((await find(ref)) !== undefined) {
          const arn = functionArn({ accountId, region }, functionName, explicitQualifier)
          throw new ThawError(
            'ResourceConflict',
            `Failed to create function url config for [functionArn = ${arn}]. Error message:  FunctionUrlConfig exists for this Lambda function`,
          )
        }
        const now = clock.now().getTime()
        const url: FunctionUrl = { ...input, urlId: newUrlId(), createdAt: now, lastModified: now }
        await collection.put(accountId, functionName, qualifier, url, 'absent')
        await publish(ref, url)
        return url
      }),

    async get(ref) {
      assertAlias(ref)
      const found = await find(ref)
      if (found === undefined) throw missing()
      return found.value
    },

    update: (ref, input) =>
      lock.run(lockKey(ref), async () => {
        assertAlias(ref)
        if (!(await targets.qualifierExists(ref))) throw noFunction()
        const current = await find(ref)
        if (current === undefined) throw missing()
        const url: FunctionUrl = {
          ...current.value,
          authType: input.authType ?? current.value.authType,
          invokeMode: input.invokeMode ?? current.value.invokeMode,
          cors: input.cors ?? current.value.cors,
          lastModified: clock.now().getTime(),
        }
        await collection.put(ref.accountId, ref.functionName, ref.qualifier, url, current.revision)
        await publish(ref, url)
        return url
      }),

    delete: (ref) =>
      lock.run(lockKey(ref), async () => {
        assertAlias(ref)
        if (!(await drop(ref))) throw missing()
      }),

    async list(ref, input) {
      if (!(await targets.functionExists(ref))) throw noFunction()
      return pageOfSettings(collection, ref, input)
    },

    async republish(key) {
      const current = await find(key)
      if (current !== undefined) await publish(key, current.value)
    },

    async drop(key) {
      await drop(key)
    },

    async served() {
      const found = await policiesOf.list()
      const byKey = new Map(found.map((entry) => [`${entry.accountId}:${entry.scope}:${entry.key}`, entry.value]))
      return (await collection.list()).map(({ accountId, scope, key, value }) => {
        const target = { accountId, functionName: scope, qualifier: key }
        return { putUrl: routeOf(target, value, byKey.get(`${accountId}:${scope}:${key}`)) }
      })
    },
  }
}

/** AWS: a URL belongs to the function or to an alias; versions and `$LATEST` by name are refused by this pattern. */
const aliasPattern = '((?!^\\d+$)^[0-9a-zA-Z-_]+$)'

function assertAlias({ explicitQualifier }: FunctionRef): void {
  if (explicitQualifier === undefined || new RegExp(aliasPattern).test(explicitQualifier)) return
  const constraint = constraints.pattern(aliasPattern)
  assertNoViolations([{ path: 'qualifier', value: explicitQualifier, constraint }])
}
