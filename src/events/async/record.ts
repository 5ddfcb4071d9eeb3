/** What destinations and dead-letter queues are told (shared/lambda/README.md, "Asynchronous invocation"). */
import type { AsyncEvent, AsyncOutcome, AsyncResponse } from '../../store/async-events.ts'
import type { MessageAttribute } from '../queues.ts'

/** A finished event. */
export interface Finished {
  event: AsyncEvent
  outcome: AsyncOutcome
}

/** What a target is sent; queues only take the attributes. */
export interface Told {
  body: string
  attributes: Record<string, MessageAttribute>
}

/**
 * Lambda's destination record. Payloads are put in as they are, so that no digit of a number is lost. The second form,
 * without the response, is for a queue that refuses the first as too long (AWS then drops the record).
 */
export function destinationRecords({ event, outcome }: Finished, region: string): Told[] {
  const { condition, error, endedAt } = outcome
  const { accountId, functionName, qualifier, response } = event
  const members = [
    `"version":"1.0"`,
    `"timestamp":${JSON.stringify(new Date(endedAt).toISOString())}`,
    `"requestContext":${JSON.stringify({
      requestId: event.requestId,
      functionArn: `arn:aws:lambda:${region}:${accountId}:function:${functionName}:${qualifier}`,
      condition,
      approximateInvokeCount: event.attempts,
    })}`,
    `"requestPayload":${jsonText(event.payload)}`,
  ]
  const told = (): Told => ({ body: `{${members.join(',')}}`, attributes: {} })
  if (response === undefined) return [told()]
  const context = { statusCode: error?.code ?? 200, executedVersion: response.executedVersion }
  const failure = condition === 'Success' ? {} : { functionError: 'Unhandled' }
  members.push(`"responseContext":${JSON.stringify({ ...context, ...failure })}`)
  const short = told()
  members.push(`"responsePayload":${responseText(response)}`)
  return [told(), short]
}

/** AWS: 1 KB of the error's message. */
const errorMessageBytes = 1_024

/**
 * A dead-letter queue gets the event itself; the failure is in the attributes. The second form, without them, is for an
 * event that takes all of a message's room.
 */
export function deadLetters({ event, outcome }: Finished): Told[] {
  const { code, message } = outcome.error ?? { code: 200, message: '' }
  const attribute = (dataType: string, stringValue: string): MessageAttribute => ({
    dataType,
    stringValue,
    binaryValue: undefined,
  })
  const body = jsonText(event.payload)
  const attributes = {
    RequestID: attribute('String', event.requestId),
    ErrorCode: attribute('Number', String(code)),
    // Queues take no empty attribute, and not every character.
    ErrorMessage: attribute('String', shortened(message).replaceAll(noXml, '\uFFFD') || 'Unknown error'),
  }
  return [
    { body, attributes },
    { body, attributes: {} },
  ]
}

/** What queues do not take (SQS API reference: XML 1.0's characters). */
// oxlint-disable-next-line no-control-regex
const noXml = /[^\u0009\u000A\u000D\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu

/** JSON as text that queues take: in JSON such characters are found in strings only, where they can be escaped. */
function jsonText(payload: Uint8Array): string {
  const text = textOf(payload)
  return text.replaceAll(noXml, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const textOf = (payload: Uint8Array): string =>
  Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()

/** What is no JSON is shown as a string. */
function responseText({ payload }: AsyncResponse): string {
  try {
    JSON.parse(textOf(payload))
    return jsonText(payload)
  } catch {
    return jsonText(Buffer.from(JSON.stringify(textOf(payload))))
  }
}

/** Cut between characters, not in one. */
function shortened(message: string): string {
  const bytes = Buffer.from(message)
  if (bytes.length <= errorMessageBytes) return message
  return new TextDecoder().decode(bytes.subarray(0, errorMessageBytes), { stream: true })
}
