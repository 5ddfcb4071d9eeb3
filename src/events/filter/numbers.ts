/**
 * Numbers as EventBridge compares them: -5e9 to 5e9 with six digits after the point, 15 digits in all
 * (docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html, "Numeric matching").
 */

/** A whole number of millionths, exact in a double; undefined for what is out of range and so never comparable. */
export function comparable(value: number): number | undefined {
  return Math.abs(value) <= 5e9 ? Math.round(value * 1e6) : undefined
}

export interface NumericRange {
  /** In millionths. */
  low: number
  lowOpen: boolean
  high: number
  highOpen: boolean
}

export function isWithin({ low, lowOpen, high, highOpen }: NumericRange, value: number): boolean {
  const millionths = comparable(value)
  if (millionths === undefined) return false
  return (lowOpen ? millionths > low : millionths >= low) && (highOpen ? millionths < high : millionths <= high)
}

const everything: NumericRange = { low: -5e15, lowOpen: false, high: 5e15, highOpen: false }

/**
 * `["=", 5]`, `["<", 10]`, `[">", 0, "<=", 5]`: the terms of a `numeric` operator. A range begins with its lower bound.
 * Undefined: not one of these forms, out of range, or empty.
 */
export function parseNumericRange(terms: readonly unknown[]): NumericRange | undefined {
  const [operator, operand, second, bound] = terms
  const value = typeof operand === 'number' ? comparable(operand) : undefined
  if (value === undefined) return undefined
  if (terms.length === 2) return single(operator, value)
  const top = typeof bound === 'number' ? comparable(bound) : undefined
  if (terms.length !== 4 || top === undefined) return undefined
  if ((operator !== '>' && operator !== '>=') || (second !== '<' && second !== '<=')) return undefined
  if (value >= top) return undefined
  return { low: value, lowOpen: operator === '>', high: top, highOpen: second === '<' }
}

function single(operator: unknown, value: number): NumericRange | undefined {
  switch (operator) {
    case '=':
      return { low: value, lowOpen: false, high: value, highOpen: false }
    case '<':
    case '<=':
      return { ...everything, high: value, highOpen: operator === '<' }
    case '>':
    case '>=':
      return { ...everything, low: value, lowOpen: operator === '>' }
    default:
      return undefined
  }
}
