const products = new Map([
  ['1', { id: '1', name: 'Kettle', priceCents: 2_900 }],
  ['2', { id: '2', name: 'Teapot', priceCents: 4_500 }],
])

/** Events of API Gateway's payload format 2.0, as function URLs and HTTP APIs send them. */
export const handler = async (event) => {
  const { method } = event.requestContext.http
  const [, collection, id] = event.rawPath.split('/')
  if (collection !== 'products') return json(404, { message: 'No such resource' })
  if (method === 'GET' && id === undefined) {
    const most = Number(event.queryStringParameters?.maxPriceCents ?? Infinity)
    return json(200, [...products.values()].filter(({ priceCents }) => priceCents <= most))
  }
  if (method === 'GET') return products.has(id) ? json(200, products.get(id)) : json(404, { message: `No product ${id}` })
  if (method === 'POST' && id === undefined) return create(event)
  return json(405, { message: `${method} is not allowed here` }, { allow: 'GET, POST' })
}

function create(event) {
  let product
  try {
    product = JSON.parse(Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8').toString())
  } catch {
    return json(400, { message: 'The body is not JSON' })
  }
  if (typeof product?.name !== 'string') return json(422, { message: 'A product has a name' })
  // Where it would be stored: the function itself starts from the same snapshot each time.
  return json(201, { id: '3', ...product }, { location: '/products/3' })
}

const json = (statusCode, body, headers = {}) => ({
  statusCode,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})
