import { env, fail, fetchAll, Json, log, Request } from "thaw"

/** `{"items": ["tea", "milk"]}` to what they cost together, asked of a price list over HTTP, all items at once. */
export function handler(event: Json): Json {
  const items = event.get("items")
  const requests = new Array<Request>()
  for (let index = 0; index < items.length; index++) {
    const request = new Request(env.getOr("PRICES_URL", "") + "/prices/" + items.at(index).asString())
    request.timeoutMs = 2_000
    requests.push(request.with("accept", "application/json"))
  }
  const responses = fetchAll(requests)
  const missing = Json.array()
  let cents: i64 = 0
  for (let index = 0; index < responses.length; index++) {
    const response = responses[index]
    const error = response.error
    if (error !== null) {
      log.error(error.message)
      return fail<Json>("Prices.Unreachable", error.code)
    }
    const price = response.ok ? response.json() : null
    if (price === null) missing.push(items.at(index))
    else cents += price.get("cents").asInteger()
  }
  return Json.object().set("cents", cents).set("missing", missing)
}
