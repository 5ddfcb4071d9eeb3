/** What the bench makes of its samples: medians, and the spread of the rounds around them. */

/** A figure over the rounds of one run. The spread is from the 5th to the 95th percentile of the rounds. */
export interface Summary {
  median: number
  low: number
  high: number
  /** How many rounds (or samples) it is made of. */
  n: number
}

/** The value below which a share `q` (0 to 1) of `values` lies, interpolated between neighbours. NaN if there are none. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort()
  return quantileOfSorted(sorted, q)
}

/** The same for values that are in ascending order already. */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN
  const position = Math.min(Math.max(q, 0), 1) * (sorted.length - 1)
  const below = Math.floor(position)
  const lower = sorted[below] ?? Number.NaN
  const upper = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN
  return lower + (upper - lower) * (position - below)
}

export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5)
}

export function summarize(values: ArrayLike<number>): Summary {
  const sorted = Float64Array.from(values).sort()
  return {
    median: quantileOfSorted(sorted, 0.5),
    low: quantileOfSorted(sorted, 0.05),
    high: quantileOfSorted(sorted, 0.95),
    n: sorted.length,
  }
}

/**
 * Ratio by round, then summarized: what drifts between rounds (a noisy neighbour on the machine) hits both sides of a
 * round alike and cancels out. Rounds that one side lacks are left out.
 */
export function ratioOfRounds(numerators: ArrayLike<number>, denominators: ArrayLike<number>): Summary {
  const ratios: number[] = []
  for (let round = 0; round < Math.min(numerators.length, denominators.length); round++) {
    const ratio = (numerators[round] ?? Number.NaN) / (denominators[round] ?? Number.NaN)
    if (Number.isFinite(ratio)) ratios.push(ratio)
  }
  return summarize(ratios)
}

/** At most `count` of the values, evenly spread over their order and always with the extremes: for plots and JSON. */
export function thinned(values: ArrayLike<number>, count: number): number[] {
  const sorted = Float64Array.from(values).sort()
  if (sorted.length <= count) return [...sorted]
  return Array.from({ length: count }, (_, index) => {
    const at = Math.round((index * (sorted.length - 1)) / (count - 1))
    return sorted[at] ?? Number.NaN
  })
}
