/** One request to a service, and what came of it: the others' answers are not to be lost with it. */
async function ask(name, url) {
  const startedMs = performance.now()
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    const answer = response.ok ? await response.json() : { status: response.status }
    return { name, ok: response.ok, answer, ms: Math.round(performance.now() - startedMs) }
  } catch (error) {
    return { name, ok: false, error: error.cause?.code ?? error.name }
  }
}

export default {
  async fetch(request, env) {
    // {"stock":"https://…","prices":"https://…"}
    const services = Object.entries(JSON.parse(env.SERVICES))
    const answers = await Promise.all(services.map(([name, url]) => ask(name, url)))
    return Response.json(answers, { status: answers.every(({ ok }) => ok) ? 200 : 207 })
  },
}
