import { createHmac, timingSafeEqual } from 'node:crypto'

/** Takes a webhook signed as GitHub signs them: `X-Hub-Signature-256: sha256=<HMAC of the body, in hex>`. */
export const handler = async (event) => {
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')
  const signature = Buffer.from(event.headers['x-hub-signature-256'] ?? '')
  const expected = Buffer.from(`sha256=${createHmac('sha256', process.env.WEBHOOK_SECRET).update(body).digest('hex')}`)
  // Compared in a time that does not tell how much of it was right.
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    console.warn('a webhook with a wrong signature')
    return { statusCode: 401, body: 'wrong signature' }
  }
  const { action, repository } = JSON.parse(body.toString())
  console.log('%s in %s', action, repository.name)
  return { statusCode: 202, body: JSON.stringify({ accepted: action }) }
}
