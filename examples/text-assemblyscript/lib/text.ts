/** Runs of letters and digits, in lower case. */
export function words(text: string): string[] {
  const found = new Array<string>()
  let start = -1
  for (let at = 0; at <= text.length; at++) {
    const inside = at < text.length && isWordCharacter(text.charCodeAt(at))
    if (inside && start < 0) start = at
    if (!inside && start >= 0) {
      found.push(text.substring(start, at).toLowerCase())
      start = -1
    }
  }
  return found
}

/** For a URL: words joined by hyphens. */
export function slug(title: string): string {
  return words(title).join("-")
}

export class Keyword {
  constructor(
    public word: string,
    public count: i32,
  ) {}
}

/** The most frequent words of five letters and more. */
export function keywords(all: string[], most: i32): Keyword[] {
  const byWord = new Map<string, Keyword>()
  for (let index = 0; index < all.length; index++) {
    const word = all[index]
    if (word.length < 5) continue
    if (byWord.has(word)) byWord.get(word).count++
    else byWord.set(word, new Keyword(word, 1))
  }
  const sorted = byWord.values().sort((a, b) => b.count - a.count)
  return sorted.slice(0, most)
}

function isWordCharacter(code: i32): bool {
  const letter = code | 0x20
  return (letter >= 0x61 && letter <= 0x7a) || (code >= 0x30 && code <= 0x39) || code >= 0xc0
}
