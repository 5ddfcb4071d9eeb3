import { env, Json, log, Request, Response } from "thaw"
import { keywords, slug, words } from "./lib/text"

/** What a text is about: `{"title": …, "text": …}` to its slug, length and most frequent words. */
export function handler(event: Json): Json {
  return summary(event.get("title").stringOr(""), event.get("text").asString())
}

/** The same over HTTP: the text is the body, the title is in the query. */
export function http(request: Request): Response {
  if (request.method != "POST") return Response.text("POST a text\n", 405).with("allow", "POST")
  const title = request.query("title")
  return Response.json(summary(title === null ? "" : title, request.text()))
}

function summary(title: string, text: string): Json {
  const all = words(text)
  const most = I32.parseInt(env.getOr("KEYWORDS", "3"))
  const top = Json.array()
  const found = keywords(all, most)
  for (let index = 0; index < found.length; index++) {
    top.push(Json.object().set("word", found[index].word).set("count", found[index].count))
  }
  log.info(all.length.toString() + " words")
  return Json.object()
    .set("slug", slug(title))
    .set("words", all.length)
    .set("readingMinutes", (all.length + 199) / 200)
    .set("keywords", top)
}
