/** Answers of SQS's older query protocol, in XML, from those of its JSON protocol. Names: SQS's service model. */
import { randomUUID } from 'node:crypto'
import { sqsErrorForm, sqsErrorMessage } from './errors.ts'

const namespace = 'http://queue.amazonaws.com/doc/2012-11-05/'

/** Elements of lists and maps: the element's name, and of maps what key and value are called. */
const elements: Readonly<Record<string, { element: string; key?: string }>> = {
  QueueUrls: { element: 'QueueUrl' },
  queueUrls: { element: 'QueueUrl' },
  Attributes: { element: 'Attribute', key: 'Name' },
  MessageAttributes: { element: 'MessageAttribute', key: 'Name' },
  Tags: { element: 'Tag', key: 'Key' },
  Messages: { element: 'Message' },
  Failed: { element: 'BatchResultErrorEntry' },
}

export function queryAnswer(action: string, answer: object): Response {
  // Also where it is empty: clients look for it.
  const wrapped = `<${action}Result>${members(action, answer)}</${action}Result>`
  const requestId = randomUUID()
  const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`
  const body = `<${action}Response xmlns="${namespace}">${wrapped}${metadata}</${action}Response>`
  return xml(200, body, requestId)
}

export function queryErrorAnswer(error: unknown): Response {
  const { status, queryCode } = sqsErrorForm(error)
  const requestId = randomUUID()
  const fault = status >= 500 ? 'Receiver' : 'Sender'
  const shown = `<Type>${fault}</Type><Code>${queryCode}</Code><Message>${escape(sqsErrorMessage(error))}</Message>`
  const inner = `<Error>${shown}<Detail/></Error><RequestId>${requestId}</RequestId>`
  return xml(status, `<ErrorResponse xmlns="${namespace}">${inner}</ErrorResponse>`, requestId)
}

function xml(status: number, body: string, requestId: string): Response {
  const headers = { 'content-type': 'text/xml', 'x-amzn-RequestId': requestId }
  return new Response(`<?xml version="1.0"?>${body}`, { status, headers })
}

const members = (action: string, value: object): string =>
  Object.entries(value)
    .map(([name, member]) => element(action, name, member))
    .join('')

function element(action: string, name: string, value: unknown): string {
  const known = name === 'Successful' ? { element: `${action}ResultEntry` } : elements[name]
  if (value === undefined) return ''
  if (known !== undefined && Array.isArray(value))
    return value.map((item) => element(action, known.element, item)).join('')
  if (typeof value !== 'object' || value === null) return `<${name}>${escape(String(value))}</${name}>`
  if (known?.key === undefined) return `<${name}>${members(action, value)}</${name}>`
  const { key } = known
  return Object.entries(value)
    .map(([entry, of]) => {
      const pair = element(action, key, entry) + element(action, 'Value', of)
      return `<${known.element}>${pair}</${known.element}>`
    })
    .join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#xD;',
}
const escape = (text: string): string => text.replaceAll(/[&<>"\r]/g, (character) => entities[character] ?? character)
