import { describe, expect, it } from 'vitest'
import { defaultAttributes } from '../../../src/events/queues/attributes.ts'
import { md5OfAttributes, md5OfBody } from '../../../src/events/queues/digests.ts'
import { assertSendable, sizeOf } from '../../../src/events/queues/messages.ts'
import { formatReceipt, parseReceipt } from '../../../src/events/queues/receipts.ts'
import type { OutgoingMessage } from '../../../src/events/queues.ts'
import { message } from './support.ts'

const text = (stringValue: string, dataType = 'String') => ({ dataType, stringValue, binaryValue: undefined })
const binary = (bytes: string) => ({
  dataType: 'Binary',
  stringValue: undefined,
  binaryValue: Buffer.from(bytes).toString('base64'),
})

describe('digests', () => {
  // What AWS answered (LocalStack's recordings: test_receive_message_message_attribute_names_filters and others).
  it.each([
    [{ Hello: text('There'), General: text('Kenobi'), 'Help.Me': text('Me') }, '4c360f3fdafd970e05fae2f149d997f5'],
    [{ Hello: text('There') }, 'a311262e065454b75da111d535b8dacd'],
    [{ Foo: text('Bar') }, 'ae7155c6026991b6d54b11589678bf9c'],
    [
      { attr1: binary('traceparent\u001e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01') },
      '8cbe4db156db8a94db8b801b7addb984',
    ],
  ])('of attributes are as AWS has them', (attributes, digest) => {
    expect(md5OfAttributes(attributes)).toBe(digest)
  })

  it('of nothing is no digest', () => expect(md5OfAttributes({})).toBeUndefined())
  it('of a body is of its UTF-8', () => expect(md5OfBody('ü')).toBe('c03410a5204b21cd8229ff754688d743'))
})

describe('receipt handles', () => {
  it('come back as they were, for their queue only', () => {
    const handle = formatReceipt(3, { sequence: 12, receiveCount: 2 })
    expect(parseReceipt(3, handle)).toEqual({ sequence: 12, receiveCount: 2 })
    expect(parseReceipt(4, handle)).toBeUndefined()
    for (const other of ['', 'garbage', 'dGhhdzo', handle.slice(1)]) expect(parseReceipt(3, other)).toBeUndefined()
  })
})

describe('a message to be sent', () => {
  const standard = { ...defaultAttributes(false, 1_024) }
  const fifo = { ...defaultAttributes(true, 1_024) }
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, text('v')]))

  const accepted: [string, OutgoingMessage][] = [
    ['of the greatest size', message('x'.repeat(1_024))],
    ['with the longest delay', message('x', { delaySeconds: 900 })],
    ['with ten attributes', message('x', { attributes: many(10) })],
    ['with numbers', message('x', { attributes: { n: text('-1.5e3', 'Number'), m: text('1', 'Number.int') } })],
    ['with tabs, line ends and emoji', message('\t\r\n\u{1f600}')],
    ['with a group, for fairness', message('x', { groupId: 'tenant' })],
  ]
  it.each(accepted)('%s is accepted', (_, sent) => {
    expect(() => assertSendable(sent, standard)).not.toThrow()
  })

  it('what Thaw hands on may be as long as the event in it, and no longer', () => {
    expect(() => assertSendable(message('x'.repeat(1_024 + 4_096), { hops: 1 }), standard)).not.toThrow()
    expect(() => assertSendable(message('x'.repeat(1_025 + 4_096), { hops: 1 }), standard)).toThrow(/shorter than/)
  })

  const refused: [string, OutgoingMessage, string, string | RegExp][] = [
    ['without a body', message(''), 'MissingParameter', 'The request must contain the parameter MessageBody.'],
    [
      'that is too long',
      message('x'.repeat(1_025)),
      'InvalidParameterValue',
      'One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.',
    ],
    [
      'that is too long with its attributes',
      message('x'.repeat(1_024), { attributes: { a: text('b') } }),
      'InvalidParameterValue',
      /must be shorter than 1024/,
    ],
    ['with a control character', message('a\u0000'), 'InvalidMessageContents', /^Invalid characters found/],
    ['with half a character', message('\ud83d'), 'InvalidMessageContents', /^Invalid characters found/],
    [
      'with too long a delay',
      message('x', { delaySeconds: 901 }),
      'InvalidParameterValue',
      'Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.',
    ],
    ['with a negative delay', message('x', { delaySeconds: -1 }), 'InvalidParameterValue', /Value -1 for parameter/],
    [
      'with eleven attributes',
      message('x', { attributes: many(11) }),
      'InvalidParameterValue',
      'Number of message attributes [11] exceeds the allowed maximum [10].',
    ],
    [
      'with an empty attribute',
      message('x', { attributes: { ErrorDetails: text('') } }),
      'InvalidParameterValue',
      "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.",
    ],
    [
      'with an attribute of no type',
      message('x', { attributes: { a: text('v', '') } }),
      'InvalidParameterValue',
      /non-empty message attribute type/,
    ],
    [
      'with an attribute of an unknown type',
      message('x', { attributes: { a: text('v', 'Stringy') } }),
      'InvalidParameterValue',
      /supported type prefixes/,
    ],
    [
      'with a number that is none',
      message('x', { attributes: { a: text('one', 'Number') } }),
      'InvalidParameterValue',
      /Can't cast the value/,
    ],
    [
      'with a reserved attribute name',
      message('x', { attributes: { 'AWS.a': text('v') } }),
      'InvalidParameterValue',
      /name .* is invalid/,
    ],
    [
      'with a deduplication id',
      message('x', { deduplicationId: 'd' }),
      'InvalidParameterValue',
      'Value d for parameter MessageDeduplicationId is invalid. ' +
        'Reason: The request include parameter that is not valid for this queue type.',
    ],
    [
      'with a group of strange letters',
      message('x', { groupId: 'ü' }),
      'InvalidParameterValue',
      /MessageGroupId can only include/,
    ],
  ]
  it.each(refused)('%s is refused', (_, sent, queueCode, text) => {
    expect(() => assertSendable(sent, standard)).toThrow(
      expect.objectContaining({
        queueCode,
        message: expect.toSatisfy((said: string) => (typeof text === 'string' ? said === text : text.test(said))),
      }),
    )
  })

  const ordered = { groupId: 'g', deduplicationId: 'd' }
  it('to a FIFO queue needs a group, an id, and no delay', () => {
    expect(() => assertSendable(message('x', ordered), fifo)).not.toThrow()
    expect(() =>
      assertSendable(message('x', { groupId: 'g' }), { ...fifo, contentBasedDeduplication: true }),
    ).not.toThrow()
    expect(() => assertSendable(message('x', { deduplicationId: 'd' }), fifo)).toThrow(
      expect.objectContaining({ queueCode: 'MissingParameter' }),
    )
    expect(() => assertSendable(message('x', { groupId: 'g' }), fifo)).toThrow(/ContentBasedDeduplication enabled/)
    expect(() => assertSendable(message('x', { ...ordered, delaySeconds: 2 }), fifo)).toThrow(
      'Value 2 for parameter DelaySeconds is invalid. ' +
        'Reason: The request include parameter that is not valid for this queue type.',
    )
  })

  it('is measured with the names, types and decoded values of its attributes', () => {
    expect(sizeOf(message('ü', { attributes: { ab: text('c'), d: binary('1234') } }))).toBe(2 + 2 + 6 + 1 + 1 + 6 + 4)
  })
})
