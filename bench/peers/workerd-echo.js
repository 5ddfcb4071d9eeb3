// The same echo for workerd. It keeps its state: the count goes up.
let count = 0

export default {
  async fetch(request) {
    const { id } = await request.json()
    return new Response(JSON.stringify({ id, count: ++count }), { headers: { 'content-type': 'application/json' } })
  },
}
