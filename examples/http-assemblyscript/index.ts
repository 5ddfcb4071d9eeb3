import { Json, log, Request, Response } from "thaw"
import { Records } from "./lib/csv"

/** Called with each HTTP request, by a function URL or a route: no event in between. */
export function fetch(request: Request): Response {
  if (request.path == "/convert" && request.method == "GET") return convert(request)
  if (request.path == "/mean" && request.method == "POST") return mean(request)
  if (request.path == "/records" && request.method == "POST") return records(request)
  return problem(404, "no such route: " + request.method + " " + request.path)
}

/** `GET /convert?celsius=20` */
function convert(request: Request): Response {
  const given = request.query("celsius")
  const celsius = given === null ? NaN : parseFloat(given)
  if (isNaN(celsius)) return problem(400, "?celsius= is missing, or is no number")
  return Response.json(Json.object().set("celsius", celsius).set("fahrenheit", celsius * 1.8 + 32)).with("cache-control", "max-age=60")
}

/** `POST /mean` with an array of numbers */
function mean(request: Request): Response {
  const numbers = request.json()
  if (numbers === null || !numbers.isArray) return problem(400, "the body is no JSON array")
  let sum: f64 = 0
  for (let index = 0; index < numbers.length; index++) sum += numbers.at(index).numberOr(0)
  return Response.json(Json.object().set("count", numbers.length).set("mean", sum / <f64>numbers.length))
}

/** `POST /records` with CSV, however long: each line leaves as JSON while the rest is still coming. */
function records(request: Request): Response {
  const stream = new Response().with("content-type", "application/x-ndjson").stream()
  const records = new Records()
  for (let piece = request.read(); piece !== null; piece = request.read()) {
    if (!stream.write(records.push(piece))) break
  }
  stream.write(records.end())
  log.info(records.count.toString() + " records")
  return stream.end()
}

function problem(status: i32, detail: string): Response {
  return Response.json(Json.object().set("error", detail), status)
}
