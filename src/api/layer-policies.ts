/** The operations on the policies of layer versions. */
import { z } from 'zod'
import type { LayerPolicies } from '../functions/layer-policy.ts'
import type { Handler, Handlers } from './context.ts'
import { layerVersionRefOf } from './layers.ts'
import { optional, parseRequest, text } from './members.ts'
import { readJson } from './request-parts.ts'

const statementId = text({ minLength: 1, maxLength: 100, pattern: '([a-zA-Z0-9-_]+)' })
const addSchema = z.object({
  StatementId: statementId,
  Action: text({ maxLength: 22, pattern: 'lambda:GetLayerVersion' }),
  Principal: text({ pattern: '\\d{12}|\\*|arn:(aws[a-zA-Z-]*):iam::\\d{12}:root' }),
  OrganizationId: optional(text({ maxLength: 34, pattern: 'o-[a-z0-9]{10,32}' })),
})
const revisionSchema = z.object({ RevisionId: optional(text()) })
const removeSchema = z.object({ StatementId: statementId })

export function createLayerPolicyHandlers(policies: LayerPolicies, region: string): Handlers {
  return new Map<string, Handler>([
    [
      'AddLayerVersionPermission',
      async (c) => {
        const ref = layerVersionRefOf(c, region)
        const { RevisionId: revision } = parseRequest(revisionSchema, c.req.query())
        const request = parseRequest(addSchema, await readJson(c))
        const { statement, revisionId } = await policies.add(c.get('caller').accountId, ref, {
          statementId: request.StatementId,
          principal: request.Principal,
          organizationId: request.OrganizationId,
          revisionId: revision,
        })
        return c.json({ Statement: statement, RevisionId: revisionId }, 201)
      },
    ],
    [
      'RemoveLayerVersionPermission',
      async (c) => {
        const ref = layerVersionRefOf(c, region)
        const { RevisionId: revision } = parseRequest(revisionSchema, c.req.query())
        const { StatementId } = parseRequest(removeSchema, { StatementId: c.req.param('StatementId') ?? '' })
        await policies.remove(c.get('caller').accountId, ref, StatementId, revision)
        return c.body(null, 204)
      },
    ],
    [
      'GetLayerVersionPolicy',
      async (c) => {
        const { policy, revisionId } = await policies.get(c.get('caller').accountId, layerVersionRefOf(c, region))
        return c.json({ Policy: policy, RevisionId: revisionId })
      },
    ],
  ])
}
