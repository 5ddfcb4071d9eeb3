// The same echo as a wasi:http component (StarlingMonkey), for `jco serve`.
let count = 0

addEventListener('fetch', (event) =>
  event.respondWith(
    (async () => {
      const { id } = await event.request.json()
      return new Response(JSON.stringify({ id, count: ++count }), { headers: { 'content-type': 'application/json' } })
    })(),
  ),
)
