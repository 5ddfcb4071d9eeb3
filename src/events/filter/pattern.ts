/**
 * EventBridge's pattern language, as the filter criteria of event source mappings use it
 * (docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html). Where its documentation is silent, the rules are
 * those of the library that AWS runs (github.com/aws/event-ruler).
 */
import { compileObject, type Conjunction, type FieldPattern, type ObjectPattern } from './compile.ts'
import { isObject, isScalar, type Scalar } from './operators.ts'

export { patternMaxLength } from './compile.ts'

export interface Pattern {
  /**
   * @param value JSON
   * A value that takes more than `maxSteps` to decide counts as matching: it is never lost, and holds up nobody.
   */
  matches(value: unknown): boolean
}

/** Ours: about a tenth of a second. A pattern of 4,096 characters against an event of 1 MB stays below in all but attacks. */
const maxSteps = 5_000_000

/** @throws `InvalidParameterValue`, "Invalid filter pattern definition." */
export function compilePattern(json: string): Pattern {
  const pattern = compileObject(json)
  return {
    matches(value) {
      const attempt = new Attempt(value)
      try {
        return attempt.object(pattern, value)
      } catch (error) {
        if (error === attempt.tooLong) return true
        throw error
      }
    },
  }
}

/** One value against one pattern. */
class Attempt {
  readonly tooLong = new Error('too many steps')
  readonly #root: unknown
  readonly #absent = new Map<FieldPattern, boolean>()
  #steps = 0

  constructor(root: unknown) {
    this.#root = root
  }

  /**
   * An array of objects matches if one of them does, with all that the pattern says: elements are not mixed. What is
   * not there is asked too, for a pattern may want it absent.
   */
  object(pattern: ObjectPattern, value: unknown): boolean {
    let any = false
    for (const element of this.#elements(value)) {
      if (!isObject(element)) continue
      any = true
      if (this.#alternatives(pattern, element)) return true
    }
    return !any && this.#alternatives(pattern, {})
  }

  #alternatives({ alternatives }: ObjectPattern, object: Record<string, unknown>): boolean {
    return alternatives.some((conjunction) => this.#conjunction(conjunction, object))
  }

  #conjunction({ fields, anyOf }: Conjunction, object: Record<string, unknown>): boolean {
    for (const [name, { values, object: inner }] of fields) {
      const value = Object.hasOwn(object, name) ? object[name] : undefined
      if (!values.every((pattern) => this.#field(pattern, value))) return false
      if (inner !== undefined && !this.object(inner, value)) return false
    }
    return anyOf.every((alternatives) => alternatives.some((pattern) => this.#alternatives(pattern, object)))
  }

  #field(pattern: FieldPattern, value: unknown): boolean {
    for (const element of this.#elements(value)) if (isScalar(element) && this.#scalar(pattern, element)) return true
    return pattern.absent && this.#isAbsent(pattern)
  }

  #scalar({ exact, tests, present }: FieldPattern, value: Scalar): boolean {
    if (present || exact.has(value)) return true
    for (const test of tests) {
      this.#charge(test.cost(value))
      if (test.matches(value)) return true
    }
    return false
  }

  /** Of the event as a whole: no value at the end of this path, through whatever arrays. */
  #isAbsent(pattern: FieldPattern): boolean {
    let absent = this.#absent.get(pattern)
    if (absent === undefined) {
      let values: unknown[] = [this.#root]
      for (const name of pattern.path)
        values = values.flatMap((value) =>
          [...this.#elements(value)].flatMap((element) =>
            isObject(element) && Object.hasOwn(element, name) ? [element[name]] : [],
          ),
        )
      absent = !values.some((value) => [...this.#elements(value)].some(isScalar))
      this.#absent.set(pattern, absent)
    }
    return absent
  }

  /** The value itself, or what an array holds, at any depth. Not recursive: events may be nested as deep as they like. */
  *#elements(value: unknown): Generator<unknown> {
    this.#charge(1)
    if (!Array.isArray(value)) {
      yield value
      return
    }
    const open: Iterator<unknown>[] = [value.values()]
    for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
      const { done, value: element } = last.next()
      this.#charge(1)
      if (done === true) open.pop()
      else if (Array.isArray(element)) open.push(element.values())
      else yield element
    }
  }

  #charge(steps: number): void {
    this.#steps += steps
    if (this.#steps > maxSteps) throw this.tooLong
  }
}
