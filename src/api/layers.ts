/** The operations on layers and their versions. */
import { z } from 'zod'
import type { CodeUrls } from '../identity/code-url.ts'
import {
  layerArn,
  layerNameRule,
  layerVersionArn,
  parseLayerName,
  parseLayerVersion,
  parseLayerVersionArn,
  type LayerRef,
  type LayerVersionRef,
} from '../functions/layer-names.ts'
import type { Layers } from '../functions/layers.ts'
import { layerRuntimes } from '../functions/runtimes.ts'
import { constraints } from '../functions/violations.ts'
import type { LayerVersion } from '../store/layers.ts'
import type { ApiContext, Handler, Handlers } from './context.ts'
import { optional, parseRequest, text, word } from './members.ts'
import { lambdaDate } from './present.ts'
import { readJson } from './request-parts.ts'
import { decodeZip } from './requests.ts'
import { pageSchema } from './schemas.ts'
import { assertSupported } from './unsupported.ts'

export interface LayerHandlersOptions {
  layers: Layers
  codeUrls: Pick<CodeUrls, 'sign'>
  region: string
}

/** Where a layer version's package can be had. */
export const layerContentPath = '/_thaw/layers/:LayerName/versions/:VersionNumber/content'

const architectures = ['x86_64', 'arm64'] as const
const listOf = (known: readonly string[], maxItems: number) =>
  z.array(z.string()).superRefine((list, context) => {
    if (list.length > maxItems)
      context.addIssue({ code: 'custom', input: list, message: constraints.maxLength(maxItems) })
    if (list.every((value) => known.includes(value))) return
    const message = `Member must satisfy constraint: [${constraints.oneOf(known)}]`
    context.addIssue({ code: 'custom', input: list, message })
  })

const publishSchema = z.object({
  Description: optional(text({ maxLength: 256 })),
  LicenseInfo: optional(text({ maxLength: 512 })),
  CompatibleRuntimes: optional(listOf(layerRuntimes, 15)),
  CompatibleArchitectures: optional(listOf(architectures, 2)),
  Content: z.object({
    ZipFile: optional(z.string()),
    S3Bucket: optional(z.unknown()),
    S3Key: optional(z.unknown()),
    S3ObjectVersion: optional(z.unknown()),
  }),
})
const listSchema = z.object({
  ...pageSchema.shape,
  CompatibleRuntime: optional(word(layerRuntimes)),
  CompatibleArchitecture: optional(word(architectures)),
})
const byArnSchema = z.object({ Arn: text({ minLength: 1, maxLength: layerNameRule.maxLength }) })

/** What a request's path names. Errors: `Validation`, `InvalidParameterValue`. */
export function layerRefOf(c: ApiContext, region: string): LayerRef {
  return parseLayerName(c.req.param('LayerName') ?? '', { accountId: c.get('caller').accountId, region })
}
export const layerVersionRefOf = (c: ApiContext, region: string): LayerVersionRef => ({
  ...layerRefOf(c, region),
  version: parseLayerVersion(c.req.param('VersionNumber') ?? ''),
})

export function createLayerHandlers({ layers, codeUrls, region }: LayerHandlersOptions): Handlers {
  const whole = (c: ApiContext, ref: LayerRef, value: LayerVersion) => {
    const path = layerContentPath
      .replace(':LayerName', value.layerName)
      .replace(':VersionNumber', String(value.version))
    const location = new URL(codeUrls.sign(path, ref.accountId, undefined), c.req.url)
    return {
      Content: {
        Location: location.href,
        CodeSha256: Buffer.from(value.sha256, 'hex').toString('base64'),
        CodeSize: value.sizeBytes,
      },
      LayerArn: layerArn(ref),
      ...listed(ref, value),
    }
  }
  const answerWhole = async (c: ApiContext, ref: LayerVersionRef) =>
    c.json(whole(c, ref, await layers.get(c.get('caller').accountId, ref)))

  return new Map<string, Handler>([
    [
      'PublishLayerVersion',
      async (c) => {
        const ref = layerRefOf(c, region)
        const { Content, ...request } = parseRequest(publishSchema, await readJson(c))
        assertSupported(Content)
        const value = await layers.publish(c.get('caller').accountId, ref, {
          zipFile: decodeZip(Content.ZipFile, 'content.zipFile'),
          description: request.Description,
          licenseInfo: request.LicenseInfo,
          compatibleRuntimes: request.CompatibleRuntimes,
          compatibleArchitectures: request.CompatibleArchitectures,
        })
        return c.json(whole(c, ref, value), 201)
      },
    ],
    ['GetLayerVersion', async (c) => answerWhole(c, layerVersionRefOf(c, region))],
    [
      'GetLayerVersionByArn',
      async (c) => answerWhole(c, parseLayerVersionArn(parseRequest(byArnSchema, c.req.query()).Arn)),
    ],
    [
      'ListLayers',
      async (c) => {
        const { accountId } = c.get('caller')
        const { filter, page } = listing(c)
        const { items, nextMarker } = await layers.list(accountId, filter, page)
        const Layers = items.map((value) => {
          const ref = { accountId, region, layerName: value.layerName }
          return { LayerName: value.layerName, LayerArn: layerArn(ref), LatestMatchingVersion: listed(ref, value) }
        })
        return c.json({ Layers, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) })
      },
    ],
    [
      'ListLayerVersions',
      async (c) => {
        const ref = layerRefOf(c, region)
        const { filter, page } = listing(c)
        const { items, nextMarker } = await layers.listVersions(c.get('caller').accountId, ref, filter, page)
        const LayerVersions = items.map((value) => listed(ref, value))
        return c.json({ LayerVersions, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) })
      },
    ],
    [
      'DeleteLayerVersion',
      async (c) => {
        await layers.delete(c.get('caller').accountId, layerVersionRefOf(c, region))
        return c.body(null, 204)
      },
    ],
  ])
}

/** The package itself, for `Content.Location`. */
export function createLayerContentHandler({
  layers,
  region,
}: Pick<LayerHandlersOptions, 'layers' | 'region'>): Handler {
  return async (c) => {
    const bytes = await layers.read(c.get('caller').accountId, layerVersionRefOf(c, region))
    return c.body(new Uint8Array(bytes), 200, { 'content-type': 'application/octet-stream' })
  }
}

function listing(c: ApiContext) {
  const request = parseRequest(listSchema, c.req.query())
  return {
    filter: { runtime: request.CompatibleRuntime, architecture: request.CompatibleArchitecture },
    page: { marker: request.Marker, maxItems: request.MaxItems },
  }
}

function listed(ref: LayerRef, value: LayerVersion) {
  const { version, description, created, compatibleRuntimes, compatibleArchitectures, licenseInfo } = value
  return {
    LayerVersionArn: layerVersionArn({ ...ref, version }),
    Version: version,
    Description: description,
    CreatedDate: lambdaDate(new Date(created)),
    ...(compatibleRuntimes === undefined ? {} : { CompatibleRuntimes: compatibleRuntimes }),
    ...(compatibleArchitectures === undefined ? {} : { CompatibleArchitectures: compatibleArchitectures }),
    ...(licenseInfo === undefined ? {} : { LicenseInfo: licenseInfo }),
  }
}
