/** A mapping's filter criteria: a record passes if one of its patterns matches. */
import { compilePattern } from './pattern.ts'

export interface FilterCriteria {
  passes(filterable: unknown): boolean
}

/** No patterns: everything passes. Errors: as `compilePattern`. */
export function compileCriteria(patterns: readonly string[]): FilterCriteria {
  const compiled = patterns.map(compilePattern)
  return {
    passes: (filterable) => compiled.length === 0 || compiled.some((pattern) => pattern.matches(filterable)),
  }
}
