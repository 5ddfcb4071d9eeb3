const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Counts on from the event that the client has seen last, which it says when it comes again. */
async function* ticks(last, everyMs) {
  const encoder = new TextEncoder()
  for (let id = last + 1; ; id++) {
    yield encoder.encode(`id: ${id}\ndata: ${JSON.stringify({ tick: id })}\n\n`)
    await sleep(everyMs)
  }
}

export default {
  fetch(request, env) {
    if (!request.headers.get('accept')?.includes('text/event-stream')) {
      return new Response('This answers with server-sent events: ask for text/event-stream.\n', { status: 406 })
    }
    const last = Number(request.headers.get('last-event-id') ?? 0)
    if (!Number.isSafeInteger(last)) return new Response('Last-Event-ID is no number.\n', { status: 400 })
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
    return new Response(ReadableStream.from(ticks(last, Number(env.EVERY_MS ?? 1_000))), { headers })
  },
}
