/** TagResource, UntagResource, ListTags: on functions and on event source mappings. */
import { ThawError } from '../../errors.ts'
import { mappingRecords, mappingScope } from '../../events/mappings/record.ts'
import type { Documents } from '../../store/documents.ts'
import { latest } from '../../store/records.ts'
import type { Store, Tags } from '../../store/store.ts'
import { ifStale, maxAttempts, tooManyChanges } from '../if-stale.ts'
import { functionArn, functionNotFound, type FunctionRef } from '../names.ts'
import { assertNoViolations, constraints } from '../violations.ts'

/** What can have tags. */
export type Tagged = { function: FunctionRef } | { mapping: { accountId: string; uuid: string } }

export interface TagsOptions {
  store: Pick<Store, 'getFunction' | 'setTags'>
  documents: Documents
  region: string
}

/** Errors: `ResourceNotFound`, `InvalidParameterValue`, `Validation`. */
export interface ResourceTags {
  list(resource: Tagged): Promise<Tags>
  add(resource: Tagged, tags: Tags): Promise<void>
  /** Keys that are not there are passed over. */
  remove(resource: Tagged, keys: readonly string[]): Promise<void>
}

/** AWS: docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html. */
const tagLimits = { count: 50, keyLength: 128, valueLength: 256 }

/** Of a whole set, also that of CreateFunction. */
export function assertTags(tags: Tags): void {
  const rules = (min: number, max: number) => `[${constraints.maxLength(max)}, ${constraints.minLength(min)}]`
  const violation = (constraint: string) => ({ path: 'tags', value: tags, constraint })
  const { count, keyLength, valueLength } = tagLimits
  const names = Object.keys(tags)
  if (names.some((name) => name.length === 0 || name.length > keyLength))
    assertNoViolations([violation(`Map keys must satisfy constraint: ${rules(1, keyLength)}`)])
  if (Object.values(tags).some((value) => value.length > valueLength))
    assertNoViolations([violation(`Map value must satisfy constraint: ${rules(0, valueLength)}`)])
  if (names.some((name) => /^aws:/i.test(name)))
    throw new ThawError('InvalidParameterValue', 'aws: prefixed tag key names are not allowed for external use.')
  if (names.length > count) throw new ThawError('InvalidParameterValue', 'Number of tags exceeds resource tag limit.')
}

/** Tags as they are, and how to replace just these. */
interface Held {
  tags: Tags
  /** False if they have changed meanwhile. */
  replace(tags: Tags): Promise<boolean>
}

export function createTags({ store, documents, region }: TagsOptions): ResourceTags {
  const mappings = mappingRecords(documents)
  const written = (write: Promise<unknown>): Promise<boolean> =>
    ifStale(
      write.then(() => true),
      false,
    )

  const holdOf = async (resource: Tagged): Promise<Held> => {
    if ('function' in resource) {
      const { accountId, functionName } = resource.function
      const record = await store.getFunction({ accountId, functionName, version: latest })
      if (record === undefined) throw functionNotFound(region, resource.function, undefined)
      const { tags } = record
      return { tags, replace: (next) => written(store.setTags(accountId, functionName, tags, next)) }
    }
    const { accountId, uuid } = resource.mapping
    const entry = await mappings.get(accountId, mappingScope, uuid)
    if (entry === undefined) throw new ThawError('ResourceNotFound', 'The resource you requested does not exist.')
    const { value, revision } = entry
    const put = (next: Tags) => mappings.put(accountId, mappingScope, uuid, { ...value, tags: { ...next } }, revision)
    return { tags: value.tags, replace: (next) => written(put(next)) }
  }

  /** Again from the start if someone else was faster. */
  const update = async (resource: Tagged, change: (current: Tags) => Tags): Promise<void> => {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const { tags, replace } = await holdOf(resource)
      if (await replace(change(tags))) return
    }
    throw tooManyChanges(nameOf(resource, region))
  }

  return {
    list: async (resource) => (await holdOf(resource)).tags,

    async add(resource, tags) {
      if (Object.keys(tags).length === 0)
        throw new ThawError('InvalidParameterValue', 'An error occurred and the request cannot be processed.')
      await update(resource, (current) => {
        const next = { ...current, ...tags }
        assertTags(next)
        return next
      })
    },

    remove: (resource, keys) =>
      update(resource, (current) => Object.fromEntries(Object.entries(current).filter(([key]) => !keys.includes(key)))),
  }
}

const nameOf = (resource: Tagged, region: string): string =>
  'function' in resource
    ? functionArn({ accountId: resource.function.accountId, region }, resource.function.functionName)
    : `arn:aws:lambda:${region}:${resource.mapping.accountId}:event-source-mapping:${resource.mapping.uuid}`
