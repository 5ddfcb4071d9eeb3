/** Interleaved rounds: every subject once a round, each round starting with another one. */

/**
 * Results by subject, in the order of the rounds. What comes after an expensive subject may suffer from it (a warm CPU, a
 * collector at work), so each round starts one further along.
 */
export async function interleave<S extends string, T>(
  subjects: readonly S[],
  rounds: number,
  measure: (subject: S, round: number) => Promise<T>,
): Promise<Map<S, T[]>> {
  const results = new Map<S, T[]>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round < rounds; round++) {
    for (const subject of rotated(subjects, round)) results.get(subject)?.push(await measure(subject, round))
  }
  return results
}

export function rotated<T>(items: readonly T[], by: number): T[] {
  const start = items.length === 0 ? 0 : by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}
