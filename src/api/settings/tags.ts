/** TagResource, UntagResource, ListTags. The resource is named by ARN in the path. */
import { z } from 'zod'
import { ThawError } from '../../errors.ts'
import { parseFunctionRef, whole } from '../../functions/names.ts'
import type { ResourceTags, Tagged } from '../../functions/settings/tags.ts'
import { assertNoViolations, constraints } from '../../functions/violations.ts'
import type { Access, ApiContext, Handler, Handlers } from '../context.ts'
import { parseRequest } from '../members.ts'
import { readJson } from '../request-parts.ts'

/** docs.aws.amazon.com/lambda/latest/api/API_TagResource.html, TaggableResource. */
const resourcePattern =
  'arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}|capacity-provider:[a-zA-Z0-9-_]+)'
const resourceArn = whole(resourcePattern)

const tagSchema = z.object({ Tags: z.record(z.string(), z.string()) })

export interface TagHandlersOptions {
  tags: ResourceTags
  access: Pick<Access, 'assertAllowed'>
  region: string
}

export function createTagHandlers({ tags, access, region }: TagHandlersOptions): Handlers {
  const resourceOf = async (c: ApiContext, action: string): Promise<Tagged> => {
    const arn = c.req.param('Resource') ?? ''
    if (!resourceArn.test(arn))
      assertNoViolations([{ path: 'resource', value: arn, constraint: constraints.pattern(resourcePattern) }])
    const caller = c.get('caller')
    const [, , , arnRegion, accountId = '', kind, id = ''] = arn.split(':')
    if (kind === 'function') {
      const ref = parseFunctionRef(arn, undefined, { accountId: caller.accountId, region })
      await access.assertAllowed(caller, `lambda:${action}`, ref)
      if (ref.explicitQualifier !== undefined)
        throw new ThawError(
          'InvalidParameterValue',
          'Tags on function aliases and versions are not supported. Please specify a function ARN.',
        )
      return { function: ref }
    }
    if (kind !== 'event-source-mapping')
      throw new ThawError('InvalidParameterValue', `Unsupported resource type for tagging: ${kind}`)
    // Another account's mapping is as one that is not there: its existence is nobody else's business.
    if (accountId !== caller.accountId || arnRegion !== region)
      throw new ThawError('ResourceNotFound', 'The resource you requested does not exist.')
    return { mapping: { accountId, uuid: id } }
  }

  return new Map<string, Handler>([
    [
      'TagResource',
      async (c) => {
        const resource = await resourceOf(c, 'TagResource')
        await tags.add(resource, parseRequest(tagSchema, await readJson(c)).Tags)
        return c.body(null, 204)
      },
    ],
    [
      'UntagResource',
      async (c) => {
        const resource = await resourceOf(c, 'UntagResource')
        const keys = c.req.queries('tagKeys') ?? []
        if (keys.length === 0)
          assertNoViolations([{ path: 'tagKeys', value: undefined, constraint: constraints.notNull }])
        await tags.remove(resource, keys)
        return c.body(null, 204)
      },
    ],
    ['ListTags', async (c) => c.json({ Tags: await tags.list(await resourceOf(c, 'ListTags')) })],
  ])
}
