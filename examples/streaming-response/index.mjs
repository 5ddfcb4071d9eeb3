import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'

/** Server-sent events: a clock that ticks `?count=` times, each tick sent as soon as it is due. */
async function* ticks(count) {
  for (let tick = 1; tick <= count; tick++) {
    yield `id: ${tick}\ndata: ${JSON.stringify({ tick, of: count })}\n\n`
    if (tick < count) await wait(100)
  }
}

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const count = Number(event.queryStringParameters?.count ?? 5)
  const valid = Number.isInteger(count) && count >= 1 && count <= 100
  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: valid ? 200 : 400,
    headers: { 'content-type': valid ? 'text/event-stream' : 'text/plain', 'cache-control': 'no-store' },
  })
  if (!valid) return void stream.end('count is a number from 1 to 100\n')
  await pipeline(ticks(count), stream)
})
