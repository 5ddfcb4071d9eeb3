/** The query protocol, as AWS CLI 2.9 (Debian's) sends it: the forms here are its own. */
import { describe, expect, it } from 'vitest'
import { accountId } from '../../functions/fakes.ts'
import { openBench } from './support.ts'

async function openQuery() {
  const bench = await openBench()
  const url = await bench.create('q', { VisibilityTimeout: '0' })
  return {
    ...bench,
    url,
    /** The status and the XML without its head and request ids. */
    async query(form: Record<string, string>, path = '/') {
      const body = new URLSearchParams({ Version: '2012-11-05', ...form })
      const response = await fetch(new URL(path, bench.server.url), { method: 'POST', body })
      const text = await response.text()
      expect(response.headers.get('content-type')).toBe('text/xml')
      const xml = text
        .replace('<?xml version="1.0"?>', '')
        .replace(/(<ResponseMetadata>)?<RequestId>[0-9a-f-]{36}<\/RequestId>(<\/ResponseMetadata>)?/, '')
        .replace(' xmlns="http://queue.amazonaws.com/doc/2012-11-05/"', '')
      return { status: response.status, xml }
    },
  }
}

describe('the query protocol', () => {
  it('makes queues with attributes and tags, and lists them', async () => {
    const { query, server, attributes } = await openQuery()
    const made = await query({
      Action: 'CreateQueue',
      QueueName: 'made',
      'Attribute.1.Name': 'VisibilityTimeout',
      'Attribute.1.Value': '7',
      'Attribute.2.Name': 'DelaySeconds',
      'Attribute.2.Value': '3',
      'Tag.1.Key': 'a',
      'Tag.1.Value': '1 & 2',
    })
    const url = `${server.url}/${accountId}/made`
    const answer = `<CreateQueueResult><QueueUrl>${url}</QueueUrl></CreateQueueResult>`
    expect(made).toEqual({ status: 200, xml: `<CreateQueueResponse>${answer}</CreateQueueResponse>` })
    expect(await attributes(url, 'DelaySeconds', 'VisibilityTimeout')).toEqual({
      VisibilityTimeout: '7',
      DelaySeconds: '3',
    })
    const tags = await query({ Action: 'ListQueueTags', QueueUrl: url })
    expect(tags.xml).toContain('<ListQueueTagsResult><Tag><Key>a</Key><Value>1 &amp; 2</Value></Tag>')
    await query({ Action: 'UntagQueue', QueueUrl: url, 'TagKey.1': 'a' })
    expect((await query({ Action: 'ListQueueTags', QueueUrl: url })).xml).not.toContain('<Tag>')
    const listed = await query({ Action: 'ListQueues', QueueNamePrefix: 'm', MaxResults: '5' })
    expect(listed.xml).toContain(`<ListQueuesResult><QueueUrl>${url}</QueueUrl></ListQueuesResult>`)
    const shown = await query({ Action: 'GetQueueAttributes', QueueUrl: url, 'AttributeName.1': 'DelaySeconds' })
    expect(shown.xml).toContain('<Attribute><Name>DelaySeconds</Name><Value>3</Value></Attribute>')
  })

  it('sends and receives messages, also at the URL of the queue', async () => {
    const { query, url } = await openQuery()
    const sent = await query(
      {
        Action: 'SendMessage',
        MessageBody: '<a>&"\r\n',
        DelaySeconds: '0',
        'MessageAttribute.1.Name': 's',
        'MessageAttribute.1.Value.StringValue': 'v',
        'MessageAttribute.1.Value.DataType': 'String',
      },
      url,
    )
    expect(sent.xml).toMatch(/<MD5OfMessageAttributes>f711c779386017be0858627ced765df3</)
    const got = await query({
      Action: 'ReceiveMessage',
      QueueUrl: url,
      MaxNumberOfMessages: '10',
      'AttributeName.1': 'SenderId',
      'MessageAttributeName.1': 'All',
    })
    expect(got.xml).toMatch(/^<ReceiveMessageResponse><ReceiveMessageResult><Message><MessageId>/)
    expect(got.xml).toContain('<Body>&lt;a&gt;&amp;&quot;&#xD;\n</Body>')
    expect(got.xml).toContain(`<Attribute><Name>SenderId</Name><Value>${accountId}</Value></Attribute>`)
    const value = '<DataType>String</DataType><StringValue>v</StringValue>'
    expect(got.xml).toContain(`<MessageAttribute><Name>s</Name><Value>${value}</Value></MessageAttribute>`)
    await query({ Action: 'PurgeQueue', QueueUrl: url })
    const empty = await query({ Action: 'ReceiveMessage', QueueUrl: url })
    expect(empty.xml).toBe(
      '<ReceiveMessageResponse><ReceiveMessageResult></ReceiveMessageResult></ReceiveMessageResponse>',
    )
  })

  it('does batches in the order of their numbers', async () => {
    const { query, url, receive } = await openQuery()
    const form: Record<string, string> = { Action: 'SendMessageBatch', QueueUrl: url }
    for (const number of [10, 9, 2, 1]) {
      form[`SendMessageBatchRequestEntry.${number}.Id`] = `${number}`
      form[`SendMessageBatchRequestEntry.${number}.MessageBody`] = `${number}`
    }
    form['SendMessageBatchRequestEntry.2.DelaySeconds'] = '901'
    const { xml } = await query(form)
    expect([...xml.matchAll(/<(\w+Entry)><Id>(\d+)</g)].map(([, element, id]) => [element, id])).toEqual([
      ['SendMessageBatchResultEntry', '1'],
      ['SendMessageBatchResultEntry', '9'],
      ['SendMessageBatchResultEntry', '10'],
      ['BatchResultErrorEntry', '2'],
    ])
    expect(xml).toContain('<SenderFault>true</SenderFault><Code>InvalidParameterValue</Code>')
    expect((await receive(url)).map(({ Body }) => Body)).toEqual(['1', '9', '10'])
  })

  it('answers errors by their older names', async () => {
    const { query, url } = await openQuery()
    expect(await query({ Action: 'GetQueueUrl', QueueName: 'none' })).toEqual({
      status: 400,
      xml:
        '<ErrorResponse><Error><Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>' +
        '<Message>The specified queue does not exist.</Message><Detail/></Error></ErrorResponse>',
    })
    expect((await query({ Action: 'Dance' })).xml).toContain('<Code>InvalidAction</Code>')
    expect((await query({})).xml).toContain('<Code>InvalidAction</Code>')
    expect((await query({ Action: 'SendMessage', QueueUrl: url })).xml).toContain('<Code>MissingParameter</Code>')
    expect((await query({ Action: 'ReceiveMessage', QueueUrl: url, WaitTimeSeconds: 'x' })).xml).toContain(
      '<Code>MalformedInput</Code>',
    )
    expect((await query({ Action: 'ListQueues', [Array(100).fill('a').join('.')]: 'x' })).status).toBe(400)
  })

  it('leaves other forms to others', async () => {
    const { server } = await openBench()
    const answer = await fetch(`${server.url}/2015-03-31/functions`, {
      method: 'POST',
      body: new URLSearchParams('a=b'),
    })
    expect(answer.headers.get('content-type')).toBe('application/json')
  })
})
