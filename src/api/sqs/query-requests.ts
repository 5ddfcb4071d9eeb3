/**
 * Requests of SQS's older query protocol (AWS CLI before 2.13, SDKs before late 2023) as those of its JSON protocol:
 * `Action=SendMessage&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String`. Names: SQS's service model.
 */
import { ThawError } from '../../errors.ts'

/** By the name of the list in a form: its member in JSON, and of maps what key and value are called. */
const lists: Readonly<Record<string, { member: string; map?: { key: string; value: string } }>> = {
  Attribute: { member: 'Attributes', map: { key: 'Name', value: 'Value' } },
  AttributeName: { member: 'AttributeNames' },
  Tag: { member: 'Tags', map: { key: 'Key', value: 'Value' } },
  TagKey: { member: 'TagKeys' },
  MessageAttribute: { member: 'MessageAttributes', map: { key: 'Name', value: 'Value' } },
  MessageSystemAttribute: { member: 'MessageSystemAttributes', map: { key: 'Name', value: 'Value' } },
  MessageAttributeName: { member: 'MessageAttributeNames' },
  MessageSystemAttributeName: { member: 'MessageSystemAttributeNames' },
  SendMessageBatchRequestEntry: { member: 'Entries' },
  DeleteMessageBatchRequestEntry: { member: 'Entries' },
  ChangeMessageVisibilityBatchRequestEntry: { member: 'Entries' },
}
const integers = new Set(['DelaySeconds', 'MaxNumberOfMessages', 'MaxResults', 'VisibilityTimeout', 'WaitTimeSeconds'])

/** `SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue`. */
const deepest = 6

type Tree = Map<string, Tree | string>

/** `queueUrl`: what the request was posted to; the form may leave the queue to it. Throws `InvalidRequestContent`. */
export function queryRequest(form: URLSearchParams, queueUrl: string | undefined): Record<string, unknown> {
  const tree: Tree = new Map()
  for (const [path, text] of form) {
    const names = path.split('.')
    if (names.length > deepest) throw new ThawError('InvalidRequestContent', `The parameter ${path} is not known.`)
    plant(tree, names, text)
  }
  const request = structure(tree)
  if (queueUrl !== undefined) request.QueueUrl ??= queueUrl
  // Of the model: CreateQueue spells this member small.
  if (form.get('Action') === 'CreateQueue' && request.Tags !== undefined) request.tags = request.Tags
  return request
}

function plant(tree: Tree, [name = '', ...rest]: readonly string[], text: string): void {
  if (rest.length === 0) return void tree.set(name, text)
  const known = tree.get(name)
  const branch: Tree = known instanceof Map ? known : new Map()
  tree.set(name, branch)
  plant(branch, rest, text)
}

function structure(tree: Tree): Record<string, unknown> {
  const entries: [string, unknown][] = []
  for (const [name, branch] of tree) {
    const list = Object.hasOwn(lists, name) ? lists[name] : undefined
    if (list === undefined) entries.push([name, value(name, branch)])
    else if (branch instanceof Map) entries.push([list.member, listOf(branch, list.map)])
  }
  return Object.fromEntries(entries)
}

function value(name: string, branch: Tree | string): unknown {
  if (branch instanceof Map) return structure(branch)
  return integers.has(name) && /^-?\d+$/.test(branch) ? Number(branch) : branch
}

/** Numbered from 1; the numbers need only be in order. */
function listOf(branch: Tree, map: { key: string; value: string } | undefined): unknown {
  const items = [...branch].toSorted(([a], [b]) => Number(a) - Number(b)).map(([, item]) => item)
  if (map === undefined) return items.map((item) => value('', item))
  return Object.fromEntries(
    items.flatMap((item): [string, unknown][] => {
      if (!(item instanceof Map)) return []
      const key = item.get(map.key)
      return typeof key === 'string' ? [[key, value('', item.get(map.value) ?? '')]] : []
    }),
  )
}
