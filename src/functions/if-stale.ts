/** Read, decide, write; and again from the start if somebody else was faster. */
import { ThawError } from '../errors.ts'

/** A change lost to another five times in a row is contention that the caller should hear of. */
export const maxAttempts = 5

export const tooManyChanges = (arn: string): ThawError =>
  new ThawError('ResourceConflict', `Too many concurrent changes to ${arn}: try again.`)

/** The store's answer, or the fallback if the record had changed since it was read. */
export async function ifStale<T, F>(answer: Promise<T>, fallback: F): Promise<T | F> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ThawError && error.code === 'PreconditionFailed') return fallback
    throw error
  }
}
