/** Queue URLs: `<scheme>://<host>/<account>/<name>`. The host is whatever the client reached the server by. */
import { ThawError } from '../../errors.ts'
import type { QueueName } from '../../events/queues/arn.ts'
import { QueueError } from '../../events/queues/errors.ts'
import type { ApiContext } from '../context.ts'

export const queueUrl = (c: ApiContext, { accountId, queueName }: QueueName): string =>
  `${new URL(c.req.url).origin}/${accountId}/${queueName}`

/** An account reaches its own queues only. Throws `InvalidAddress`, `AccessDenied`. */
export function parseQueueUrl(c: ApiContext, url: string): QueueName {
  const [, accountId, queueName] = /^\/(\d{12})\/([^/]+)\/?$/.exec(pathOf(url)) ?? []
  if (accountId === undefined || queueName === undefined)
    throw new QueueError('InvalidAddress', `The address ${url} is not valid for this endpoint.`)
  if (accountId !== c.get('caller').accountId)
    throw new ThawError('AccessDenied', `Access to the resource ${url} is denied.`)
  return { accountId, queueName }
}

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : ''
}
