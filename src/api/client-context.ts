import { ThawError } from '../errors.ts'

/** AWS: 3,583 bytes of Base64. */
const clientContextLimit = 3_583

/** The JSON text of `X-Amz-Client-Context`. Errors: `InvalidRequestContent`. */
export function clientContextOf(encoded: string | undefined): string | undefined {
  if (encoded === undefined) return undefined
  if (encoded.length > clientContextLimit)
    throw new ThawError(
      'InvalidRequestContent',
      `Client context must be at most ${clientContextLimit} bytes of Base64, it has ${encoded.length}.`,
    )
  const text = Buffer.from(encoded, 'base64').toString()
  try {
    JSON.parse(text)
    return text
  } catch (cause) {
    throw new ThawError('InvalidRequestContent', 'Client context must be a valid Base64-encoded JSON object.', {
      cause,
    })
  }
}
