/**
 * Every guest answers `{"id":"…"}` with the id it was sent and how often its instance has been called, counted in its own
 * state: a pristine instance says 1, always, and only about the id it was sent.
 */

/**
 * What a subject promises. A `constant` one answers the same to everybody, an `accepted` one with an empty 202, and a
 * `text:` one with that text.
 */
export type Canary = 'pristine' | 'stateful' | 'constant' | 'accepted' | `text:${string}`

/** An answer showed another invocation's state, or was not the answer at all. */
export class CanaryBreach extends Error {}

/** Hex digits of an id: what the constant server's answer has as well, so that all answers are of one size. */
export const ID_DIGITS = 16

export const constantAnswer = answerTo('0'.repeat(ID_DIGITS))

/** What a pristine guest answers. */
export function answerTo(id: string): string {
  return `{"id":"${id}","count":1}`
}

export function requestBody(id: string): string {
  return `{"id":"${id}"}`
}

/** The id of the nth request of a run: unlike any other, of the same length. */
export function idOf(run: number, n: number): string {
  return (run >>> 0).toString(16).padStart(8, '0') + (n >>> 0).toString(16).padStart(8, '0')
}

/** What is wrong with an answer; undefined if nothing is. */
export function breachOf(canary: Canary, id: string, answer: string): string | undefined {
  if (canary === 'accepted') return answer === '' ? undefined : `answered ${JSON.stringify(answer.slice(0, 200))}`
  const said = canary.startsWith('text:') ? canary.slice('text:'.length) : undefined
  const expected = said ?? (canary === 'constant' ? constantAnswer : answerTo(id))
  if (answer === expected) return undefined
  const [start, end] = [expected.slice(0, -2), '}']
  const count = answer.startsWith(start) && answer.endsWith(end) ? answer.slice(start.length, -end.length) : ''
  if (!/^\d{1,15}$/.test(count)) return `answered ${JSON.stringify(answer.slice(0, 200))} to id ${id}`
  return canary === 'stateful' ? undefined : `saw the state of ${Number(count) - 1} earlier invocations`
}

/** Errors: CanaryBreach. */
export function checkAnswer(who: string, canary: Canary, id: string, answer: string): void {
  const breach = breachOf(canary, id, answer)
  if (breach !== undefined) throw new CanaryBreach(`${who} ${breach}`)
}
