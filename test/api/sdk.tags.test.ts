/** TagResource, UntagResource and ListTags through the official client. */
import { GetFunctionCommand, ListTagsCommand, TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-lambda'
import { expect, it } from 'vitest'
import { mappingRecords, mappingScope, type Mapping } from '../../src/events/mappings/record.ts'
import { createActive, startWithAlias } from './prepared.ts'
import { account, region } from './recorded.ts'
import { startApi } from './server.ts'

const FunctionName = 'f'
const arn = `arn:aws:lambda:${region}:${account}:function:f`

it('TagResource, UntagResource and ListTags on a function', async () => {
  await using api = await startWithAlias()
  await api.client.send(new TagResourceCommand({ Resource: arn, Tags: { a: '1', b: '2' } }))
  await api.client.send(new TagResourceCommand({ Resource: arn, Tags: { b: '3', c: '' } }))
  await api.client.send(new UntagResourceCommand({ Resource: arn, TagKeys: ['a', 'none'] }))
  const { Tags } = await api.client.send(new ListTagsCommand({ Resource: arn }))
  expect(Tags).toEqual({ b: '3', c: '' })
  expect((await api.client.send(new GetFunctionCommand({ FunctionName }))).Tags).toEqual(Tags)
})

const mapping: Mapping = {
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  eventSourceArn: `arn:aws:sqs:${region}:${account}:q`,
  queues: [],
  functionName: 'f',
  qualifier: '$LATEST',
  functionArn: arn,
  enabled: false,
  state: 'Disabled',
  lastModified: 0,
  batchSize: 10,
  batchingWindowSeconds: 0,
  filters: [],
  reportsBatchItemFailures: false,
  parallelizationFactor: 1,
  bisectBatchOnFunctionError: false,
  maximumRetryAttempts: -1,
  maximumRecordAgeSeconds: -1,
  tags: {},
}

it('TagResource, UntagResource and ListTags on an event source mapping', async () => {
  await using api = await startWithAlias()
  const Resource = `arn:aws:lambda:${region}:${account}:event-source-mapping:${mapping.uuid}`
  await expect(api.client.send(new ListTagsCommand({ Resource }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'The resource you requested does not exist.',
  })
  await mappingRecords(api.documents).put(account, mappingScope, mapping.uuid, mapping, 'absent')
  await api.client.send(new TagResourceCommand({ Resource, Tags: { a: '1', b: '2' } }))
  await api.client.send(new UntagResourceCommand({ Resource, TagKeys: ['a'] }))
  expect((await api.client.send(new ListTagsCommand({ Resource }))).Tags).toEqual({ b: '2' })
  const other = Resource.replace(account, '222222222222')
  await expect(api.client.send(new ListTagsCommand({ Resource: other }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  })
})

const manyTags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))

it.each<[string, string, Record<string, string>, string, RegExp]>([
  ['no tags', arn, {}, 'InvalidParameterValueException', /^An error occurred and the request cannot be processed\.$/],
  ['51 tags', arn, manyTags(51), 'InvalidParameterValueException', /^Number of tags exceeds resource tag limit\.$/],
  [
    'a long key',
    arn,
    { ['k'.repeat(129)]: 'v' },
    'ValidationException',
    /Map keys must satisfy constraint: \[Member must have length less than or equal to 128, /,
  ],
  [
    'a long value',
    arn,
    { k: 'v'.repeat(257) },
    'ValidationException',
    /Map value must satisfy constraint: \[Member must have length less than or equal to 256, /,
  ],
  ['a key of the platform', arn, { 'aws:k': 'v' }, 'InvalidParameterValueException', /^aws: prefixed tag key names/],
  [
    'a version',
    `${arn}:1`,
    { k: 'v' },
    'InvalidParameterValueException',
    /^Tags on function aliases and versions are not supported\. Please specify a function ARN\.$/,
  ],
  ['$LATEST', `${arn}:$LATEST`, { k: 'v' }, 'InvalidParameterValueException', /^Tags on function aliases and versions/],
  [
    'an ARN that is none',
    'arn:something',
    { k: 'v' },
    'ValidationException',
    /^1 validation error detected: Value 'arn:something' at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:/,
  ],
  [
    'a layer',
    `arn:aws:lambda:${region}:${account}:layer:l`,
    { k: 'v' },
    'InvalidParameterValueException',
    /^Unsupported resource type for tagging/,
  ],
  ['a function that is not there', `${arn}g`, { k: 'v' }, 'ResourceNotFoundException', /^Function not found: .*:fg$/],
])('TagResource refuses %s', async (_what, Resource, Tags, name, message) => {
  await using api = await startWithAlias()
  await expect(api.client.send(new TagResourceCommand({ Resource, Tags }))).rejects.toMatchObject({
    name,
    message: expect.stringMatching(message),
  })
})

it('TagResource counts the tags that are there already, and UntagResource wants keys', async () => {
  await using api = await startWithAlias()
  await api.client.send(new TagResourceCommand({ Resource: arn, Tags: manyTags(50) }))
  await expect(api.client.send(new TagResourceCommand({ Resource: arn, Tags: { more: '' } }))).rejects.toMatchObject({
    message: 'Number of tags exceeds resource tag limit.',
  })
  await api.client.send(new TagResourceCommand({ Resource: arn, Tags: { k0: 'new' } }))
  await expect(api.client.send(new UntagResourceCommand({ Resource: arn, TagKeys: [] }))).rejects.toMatchObject({
    name: 'ValidationException',
    message:
      "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
  })
})

it('CreateFunction judges its tags as TagResource does', async () => {
  await using api = await startApi()
  const { status, body } = await createActive(api, 'f', { Tags: manyTags(51) })
  expect(status).toBe(400)
  expect(body).toMatchObject({ message: 'Number of tags exceeds resource tag limit.' })
})
