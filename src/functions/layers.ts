/** Layers: zips that functions share. A version is immutable but for its policy; numbers are not used twice. */
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { Artifacts } from '../store/artifacts.ts'
import type { Entry } from '../store/documents.ts'
import { layerScope, versionKey, type LayerCollections, type LayerVersion } from '../store/layers.ts'
import type { LayerReference } from '../store/records.ts'
import type { CodeStorage } from './code-storage.ts'
import type { Clock } from './collaborators.ts'
import type { KeyedLock } from './keyed-lock.ts'
import { layerArn, layerVersionArn, parseUsedLayer, type LayerRef, type LayerVersionRef } from './layer-names.ts'
import { assertOwner, assertReadable } from './layer-policy.ts'
import { pageOf, type Page, type PageInput } from './page.ts'
import { requireLayerZip } from './rules.ts'

export interface PublishLayerInput {
  /** Owned by the operation from here on. */
  zipFile: Uint8Array | undefined
  description: string | undefined
  licenseInfo: string | undefined
  compatibleRuntimes: string[] | undefined
  compatibleArchitectures: string[] | undefined
}

export interface LayerFilter {
  runtime: string | undefined
  architecture: string | undefined
}

export interface LayersOptions {
  collections: LayerCollections
  artifacts: Artifacts
  storage: CodeStorage
  config: Pick<Config, 'region' | 'limits'>
  clock: Clock
  lock: KeyedLock
}

/** Errors: `ResourceNotFound`, `AccessDenied` for another account's, `InvalidParameterValue`, `CodeStorageExceeded`. */
export interface Layers {
  publish(caller: string, ref: LayerRef, input: PublishLayerInput): Promise<LayerVersion>
  get(caller: string, ref: LayerVersionRef): Promise<LayerVersion>
  /** By name, each with its latest version that matches. */
  list(accountId: string, filter: LayerFilter, page: PageInput): Promise<Page<LayerVersion>>
  /** The latest first. */
  listVersions(caller: string, ref: LayerRef, filter: LayerFilter, page: PageInput): Promise<Page<LayerVersion>>
  /** Functions that use the version keep it. One that is not there is gone already. */
  delete(caller: string, ref: LayerVersionRef): Promise<void>
  /** The package; owned by the caller. */
  read(caller: string, ref: LayerVersionRef): Promise<Uint8Array>
  /** What a function's `Layers` name. Undefined for undefined. */
  resolve(caller: string, arns: readonly string[] | undefined): Promise<LayerReference[] | undefined>
  /** Content addresses of all packages. */
  packages(): Promise<Set<string>>
}

const notFound = () => new ThawError('ResourceNotFound', 'The resource you requested does not exist.')
const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

export function createLayers(options: LayersOptions): Layers {
  const { collections, artifacts, storage, config, clock, lock } = options
  const { layers, versions } = collections
  const { region, limits } = config

  const find = async (ref: LayerVersionRef): Promise<Entry<LayerVersion> | undefined> =>
    ref.region === region ? versions.get(ref.accountId, layerScope(ref.layerName), versionKey(ref.version)) : undefined

  const get = async (caller: string, ref: LayerVersionRef): Promise<LayerVersion> => {
    const found = await find(ref)
    // Whether there is such a layer is none of a stranger's business.
    assertReadable(caller, ref, found?.value)
    if (found === undefined) throw notFound()
    return found.value
  }

  const matching = async (accountId: string, layerName: string, filter: LayerFilter): Promise<LayerVersion[]> => {
    const all = await versions.list({ accountId, scope: layerScope(layerName) })
    return all
      .map(({ value }) => value)
      .filter(({ compatibleRuntimes, compatibleArchitectures }) => {
        const { runtime, architecture } = filter
        if (runtime !== undefined && compatibleRuntimes?.includes(runtime) !== true) return false
        return architecture === undefined || compatibleArchitectures?.includes(architecture) === true
      })
      .toReversed()
  }

  const nextNumber = async (accountId: string, layerName: string): Promise<number> => {
    const known = await layers.get(accountId, '', layerName)
    const lastVersion = (known?.value.lastVersion ?? 0) + 1
    await layers.put(accountId, '', layerName, { lastVersion }, known?.revision ?? 'absent')
    return lastVersion
  }

  const resolveOne = async (caller: string, arn: string, ref: LayerVersionRef | undefined): Promise<LayerReference> => {
    if (ref === undefined) throw invalid(`Layer version ${arn} does not exist.`)
    if (ref.region !== region)
      throw invalid(`Layers are not in the same region as the function. Layers are expected to be in region ${region}.`)
    const found = await find(ref)
    assertReadable(caller, ref, found?.value)
    if (found === undefined) throw invalid(`Layer version ${arn} does not exist.`)
    const { sha256, sizeBytes } = found.value
    return { arn: layerVersionArn(ref), sha256, sizeBytes }
  }

  return {
    get,

    publish: async (caller, ref, input) => {
      const { accountId, layerName } = ref
      assertOwner(caller, ref, 'lambda:PublishLayerVersion', layerArn(ref))
      const zip = requireLayerZip(input.zipFile, limits)
      await storage.assertRoom(accountId, zip.length)
      const { sha256, sizeBytes } = await artifacts.putCode(zip)
      const { description = '', zipFile: _zip, ...rest } = input
      return lock.run(`layer:${accountId}:${layerName}`, async () => {
        const version = await nextNumber(accountId, layerName)
        const created = clock.now().getTime()
        const value: LayerVersion = { ...rest, layerName, version, description, created, sha256, sizeBytes }
        await versions.put(accountId, layerScope(layerName), versionKey(version), value, 'absent')
        return value
      })
    },

    async list(accountId, filter, page) {
      const names = (await layers.list({ accountId, scope: '' })).map(({ key }) => key)
      const latest = await Promise.all(names.map(async (name) => (await matching(accountId, name, filter))[0]))
      const found = latest.filter((version) => version !== undefined)
      return pageOf(found, ({ layerName }) => layerName, page)
    },

    async listVersions(caller, ref, filter, page) {
      assertOwner(caller, ref, 'lambda:ListLayerVersions', layerArn(ref))
      const found = ref.region === region ? await matching(ref.accountId, ref.layerName, filter) : []
      // Falling numbers, rising keys.
      return pageOf(found, ({ version }) => versionKey(999_999_999_999 - version), page)
    },

    async delete(caller, ref) {
      assertOwner(caller, ref, 'lambda:DeleteLayerVersion', layerVersionArn(ref))
      const found = await find(ref)
      if (found !== undefined) await versions.delete(found.accountId, found.scope, found.key, found.revision)
    },

    read: async (caller, ref) => artifacts.readCode((await get(caller, ref)).sha256),

    async resolve(caller, arns) {
      if (arns === undefined) return undefined
      if (arns.length > limits.layers) throw invalid(`Cannot reference more than ${limits.layers} layers.`)
      const seen = new Map<string, string>()
      const resolved: LayerReference[] = []
      for (const arn of arns) {
        const ref = parseUsedLayer(arn)
        resolved.push(await resolveOne(caller, arn, ref))
        const layer = arn.slice(0, arn.lastIndexOf(':'))
        const other = seen.get(layer)
        if (other !== undefined)
          throw invalid(
            `Two different versions of the same layer are not allowed to be referenced in the same function. ${other} and ${arn} are versions of the same layer.`,
          )
        seen.set(layer, arn)
      }
      return resolved
    },

    packages: async () => new Set((await versions.list()).map(({ value }) => value.sha256)),
  }
}
