/** AddPermission, GetPolicy, RemovePermission. */
import { z } from 'zod'
import type { Permissions } from '../../functions/settings/permissions.ts'
import { policyText } from '../../functions/settings/statements.ts'
import type { Handler, Handlers } from '../context.ts'
import { optional, parseRequest, text, word } from '../members.ts'
import { readJson, type RefOf } from '../request-parts.ts'

const statementId = text({ minLength: 1, maxLength: 100, pattern: '([a-zA-Z0-9-_]+)' })

const addSchema = z.object({
  StatementId: statementId,
  Action: text({ pattern: '(lambda:[*]|lambda:[a-zA-Z]+|[*])' }),
  Principal: text({ pattern: '[^\\s]+' }),
  SourceArn: optional(
    text({ pattern: 'arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:([a-z]{2}(-gov)?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)' }),
  ),
  SourceAccount: optional(text({ maxLength: 12, pattern: '\\d{12}' })),
  EventSourceToken: optional(text({ maxLength: 256, pattern: '[a-zA-Z0-9._\\-]+' })),
  PrincipalOrgID: optional(text({ minLength: 12, maxLength: 34, pattern: '^o-[a-z0-9]{10,32}$' })),
  FunctionUrlAuthType: optional(word(['NONE', 'AWS_IAM'])),
  InvokedViaFunctionUrl: optional(z.boolean()),
  RevisionId: optional(text()),
})

const removeSchema = z.object({ StatementId: statementId, RevisionId: optional(text()) })

export function createPermissionHandlers(permissions: Permissions, refOf: RefOf): Handlers {
  return new Map<string, Handler>([
    [
      'AddPermission',
      async (c) => {
        const ref = await refOf(c, 'AddPermission')
        const request = parseRequest(addSchema, await readJson(c))
        const input = {
          statementId: request.StatementId,
          action: request.Action,
          principal: request.Principal,
          sourceArn: request.SourceArn,
          sourceAccount: request.SourceAccount,
          eventSourceToken: request.EventSourceToken,
          principalOrgId: request.PrincipalOrgID,
          functionUrlAuthType: request.FunctionUrlAuthType,
          invokedViaFunctionUrl: request.InvokedViaFunctionUrl,
        }
        const statement = await permissions.add(ref, input, request.RevisionId)
        return c.json({ Statement: JSON.stringify(statement) }, 201)
      },
    ],
    [
      'GetPolicy',
      async (c) => {
        const { statements, revisionId } = await permissions.get(await refOf(c, 'GetPolicy'))
        return c.json({ Policy: policyText(statements), RevisionId: revisionId })
      },
    ],
    [
      'RemovePermission',
      async (c) => {
        const ref = await refOf(c, 'RemovePermission')
        const query = { StatementId: c.req.param('StatementId'), RevisionId: c.req.query('RevisionId') }
        const request = parseRequest(removeSchema, query)
        await permissions.remove(ref, request.StatementId, request.RevisionId)
        return c.body(null, 204)
      },
    ],
  ])
}
