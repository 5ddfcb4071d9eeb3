/** The guests that report what they find and stain it, in the three kinds, and what they report when they find nothing. */
import { javascriptFunction, type SourceFunction } from '../support/build-cache.ts'
import { assemblyscriptGuest, fixtureText, watGuest, withText } from '../support/guests.ts'

/** What the fixtures have in the place of a function's own canary; all canaries are as long. */
export const placeholder = 'canary-of-the-function'

export function functionCanary(index: number): string {
  return `canary-of-function-${String(index).padStart(3, '0')}`
}

export type End = 'return' | 'wait' | 'throw' | 'exit' | 'spin' | 'grow' | 'hang' | 'trap' | 'overflow'

export interface Hoarder {
  kind: 'javascript' | 'assemblyscript' | 'wat'
  code: Uint8Array | SourceFunction
  canary: string
  /** Ways to end that answer with what was found. */
  answers: readonly End[]
  /** Ways to end that give an error, by its type. */
  failures: Partial<Record<End, string>>
  failing: readonly End[]
  event(end: End, stain: string): string
  /** What an invocation answers that finds nothing of any other. */
  pristine: string
}

export function javascriptHoarder(index: number): Hoarder {
  const canary = functionCanary(index)
  return {
    kind: 'javascript',
    code: javascriptFunction(fixtureText('hoarder.mjs').replaceAll(placeholder, canary)),
    canary,
    answers: ['return', 'wait', 'grow'],
    failures: {
      throw: 'TypeError',
      exit: 'Runtime.ExitError',
      spin: 'Sandbox.Timedout',
      hang: 'Runtime.Aborted',
      overflow: 'Runtime.StackOverflow',
    },
    failing: ['throw', 'exit', 'spin', 'hang', 'overflow'],
    event: (end, stain) => JSON.stringify({ end, stain }),
    pristine: JSON.stringify({
      canary,
      count: 0,
      kept: [],
      fired: [],
      settled: [],
      weak: 0,
      buffer: '0'.repeat(64),
      promised: true,
      global: true,
      globals: true,
      prototype: true,
      array: true,
      environment: null,
      registered: true,
    }),
  }
}

export async function assemblyscriptHoarder(index: number): Promise<Hoarder> {
  const canary = functionCanary(index)
  const letters: Partial<Record<End, string>> = {
    return: 'r',
    throw: 'f',
    trap: 't',
    spin: 's',
    exit: 'x',
    grow: 'g',
    hang: 's',
  }
  return {
    kind: 'assemblyscript',
    code: withText(await assemblyscriptGuest('hoarder'), placeholder, canary, 'utf16le'),
    canary,
    answers: ['return', 'grow'],
    failures: {
      throw: 'Stained',
      trap: 'Runtime.Trap',
      exit: 'Runtime.ExitError',
      spin: 'Sandbox.Timedout',
      hang: 'Runtime.Aborted',
    },
    failing: ['throw', 'trap', 'exit', 'spin', 'hang'],
    event: (end, stain) => `${letters[end] ?? 'r'}:${stain}`,
    pristine: `${canary} count=0 wide=0 small=0.0 real=0.0 last= kept=0 map=0 bytes=0 callback=0 environment=none`,
  }
}

export async function watHoarder(index: number): Promise<Hoarder> {
  const canary = functionCanary(index).padEnd(64, '.')
  const letters: Partial<Record<End, string>> = { return: 'r', trap: 't', spin: 's', exit: 'x', grow: 'g', hang: 'w' }
  return {
    kind: 'wat',
    // Two by two of one engine.
    code: await watGuest('canary', { canary, variant: String(index >> 1), own: String(index % 9) }),
    canary,
    answers: ['return', 'grow'],
    failures: {
      trap: 'Runtime.Trap',
      exit: 'Runtime.ExitError',
      spin: 'Sandbox.Timedout',
      hang: 'Runtime.Aborted',
    },
    failing: ['trap', 'exit', 'spin', 'hang'],
    event: (end, stain) => `${letters[end] ?? 'r'}:${stain}`,
    pristine: `0001000${index % 9}${canary}`,
  }
}

export const hoarders = { javascript: javascriptHoarder, assemblyscript: assemblyscriptHoarder, wat: watHoarder }
