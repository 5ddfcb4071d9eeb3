/** HTTP in Lambda's payload format 2.0, as function URLs and API Gateway send it. */
export const handler = async (event) => {
  const { method, path } = event.requestContext.http
  if (path === '/') return json(200, { message: 'Hello from __NAME__' })
  if (path === '/echo' && method === 'POST') return json(200, { body: bodyOf(event) })
  return json(404, { message: `There is no ${method} ${path}` })
}

function json(statusCode, value) {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}

function bodyOf({ body = '', isBase64Encoded }) {
  return isBase64Encoded ? new TextDecoder().decode(Uint8Array.fromBase64(body)) : body
}
