/** Layers and their versions. Written by functions/layers.ts alone. */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from './documents.ts'

/** Under the layer's name. It outlives its versions, so that no number is used twice. */
export const layerSchema = z.object({ lastVersion: z.number() })
export type Layer = z.infer<typeof layerSchema>

export const layerStatementSchema = z.object({
  sid: z.string(),
  /** An account's number, an account or role by ARN, or `*`. */
  principal: z.string(),
  /** An AWS organization: there are none here, so such a statement grants nothing. */
  organizationId: z.string().optional(),
})
export type LayerStatement = z.infer<typeof layerStatementSchema>

export const layerVersionSchema = z.object({
  layerName: z.string(),
  version: z.number(),
  description: z.string(),
  licenseInfo: z.string().optional(),
  compatibleRuntimes: z.array(z.string()).optional(),
  compatibleArchitectures: z.array(z.string()).optional(),
  /** ms since the epoch. */
  created: z.number(),
  /** The zip, by content, as packages of functions. */
  sha256: z.string(),
  sizeBytes: z.number(),
  policy: z.object({ revisionId: z.string(), statements: z.array(layerStatementSchema) }).optional(),
})
export type LayerVersion = z.infer<typeof layerVersionSchema>

export interface LayerCollections {
  layers: Collection<Layer>
  /** In scope `layerScope(name)`, under `versionKey(version)`. */
  versions: Collection<LayerVersion>
}

export const layersOf = (documents: Documents): LayerCollections => ({
  layers: createCollection(documents, 'layer', layerSchema),
  versions: createCollection(documents, 'layer-version', layerVersionSchema),
})

/** No function can have such a name, so none takes a layer with it when it goes. */
export const layerScope = (layerName: string): string => `layer:${layerName}`

/** Sorts as the numbers do. */
export const versionKey = (version: number): string => String(version).padStart(12, '0')
