/** Options and helpers that several commands share. */
import { Option } from 'commander'
import { ThawError } from '../errors.ts'

export interface EndpointOptions {
  endpoint?: string
}

export interface JsonOptions {
  json?: true
}

export const endpointOption = (): Option => new Option('--endpoint <url>', "the server's address (THAW_ENDPOINT)")

export const jsonOption = (): Option => new Option('--json', 'print JSON')

/** A whole number, at least 1. Throws `Validation`. */
export function positive(value: string): number {
  const number = Number(value)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new UsageError(`${value} is no whole number above 0`)
}

/** What the user asked for makes no sense: exit code 2, as for what commander finds. */
export class UsageError extends ThawError {
  constructor(message: string) {
    super('Validation', message)
  }
}
