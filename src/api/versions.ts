/** The operations on published versions. */
import type { Functions } from '../functions/functions.ts'
import type { Access, Handler, Handlers } from './context.ts'
import { parseRequest } from './members.ts'
import { presentFunction, presentListed } from './present.ts'
import { createRefOf, readJson } from './request-parts.ts'
import { pageSchema, publishVersionSchema } from './schemas.ts'
import { assertSupported } from './unsupported.ts'

export interface VersionHandlersOptions {
  functions: Pick<Functions, 'publishVersion' | 'listVersions'>
  access: Access
  region: string
}

export function createVersionHandlers({ functions, access, region }: VersionHandlersOptions): Handlers {
  const refOf = createRefOf(access, region)
  return new Map<string, Handler>([
    [
      'PublishVersion',
      async (c) => {
        const ref = await refOf(c, 'PublishVersion')
        const request = parseRequest(publishVersionSchema, await readJson(c))
        assertSupported(request)
        const record = await functions.publishVersion(ref, {
          codeSha256: request.CodeSha256,
          description: request.Description,
          revisionId: request.RevisionId,
        })
        return c.json(presentFunction(record, { region, qualifier: record.version }), 201)
      },
    ],
    [
      'ListVersionsByFunction',
      async (c) => {
        const ref = await refOf(c, 'ListVersionsByFunction')
        const { Marker: marker, MaxItems: maxItems } = parseRequest(pageSchema, c.req.query())
        const { items, nextMarker } = await functions.listVersions(ref, { marker, maxItems })
        const Versions = items.map((record) => presentListed(record, { region, qualifier: record.version }))
        return c.json({ Versions, ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }) })
      },
    ],
  ])
}
