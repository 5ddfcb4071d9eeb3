/** What AWS answered (recorded/*.json), in a form that our answers can be compared with. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { leftOutSteps } from './left-out.ts'
import type { WireAnswer } from './server.ts'

export const account = '111111111111'
export const region = 'us-east-1'

const jsonObject = z.record(z.string(), z.unknown())
const fileSchema = z.object({ cases: z.record(z.string(), jsonObject) })
const folder = join(import.meta.dirname, 'recorded')

/** `case step` of what this file's tests have asked for. */
const asked = new Set<string>()

/** By the recorded test's name; one file a group of operations, each case in one of them. Notes what is asked for. */
export const cases: Readonly<Record<string, Record<string, unknown>>> = Object.fromEntries(
  readdirSync(folder)
    .flatMap((file) => Object.entries(read(file)))
    .map(([name, steps]) => [
      name,
      new Proxy(steps, {
        get(target, step) {
          if (typeof step === 'string') asked.add(`${name} ${step}`)
          return Reflect.get(target, step)
        },
      }),
    ]),
)

function read(file: string): Record<string, Record<string, unknown>> {
  return fileSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))).cases
}

/** The last test of a file: every step of every case in `recorded/<group>.json` was asked for, but for those left out. */
export function replaysAllOf(group: string): void {
  it(`replays every step of recorded/${group}.json`, () => {
    const steps = Object.entries(read(`${group}.json`)).flatMap(([name, all]) =>
      Object.keys(all).map((step) => `${name} ${step}`),
    )
    const allowed = Object.entries(leftOutSteps).flatMap(([name, all]) =>
      Object.keys(all).map((step) => `${name} ${step}`),
    )
    const own = allowed.filter((step) => steps.includes(step))
    expect(steps.filter((step) => !asked.has(step)).toSorted()).toEqual(own.toSorted())
  })
}

/** Placeholders that stand for something we know. `names` are those of one test. */
function expand(text: string, names: Record<string, string> = {}): string {
  let known = text.replaceAll('<partition>', 'aws').replaceAll('<region>', region)
  for (const [placeholder, value] of Object.entries(names)) known = known.replaceAll(placeholder, value)
  return known.replaceAll(/<a:len\((\d+)\)>/g, (_match, length: string) => 'a'.repeat(Number(length)))
}

/** AWS ran Python where we run JavaScript; ids, dates and digests are each one's own: only their presence counts. */
const presenceOnly = new Set([
  'Runtime',
  'RevisionId',
  'LastModified',
  'CodeSha256',
  'CodeSize',
  'Location',
  'FunctionUrl',
  'CreationTime',
  'LastModifiedTime',
  // Of records of what became of an event.
  'timestamp',
])

function expectation(value: unknown, names: Record<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => expectation(item, names))
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([key]) => key !== 'ResponseMetadata')
    return Object.fromEntries(
      members.map(([key, member]) => [key, presenceOnly.has(key) ? expect.anything() : expectation(member, names)]),
    )
  }
  if (typeof value !== 'string') return value
  const text = expand(value, names)
  return text.includes('<') ? expect.any(String) : text
}

const errorSchema = z.object({ Error: z.object({ Code: z.string(), Message: z.string() }) })
const statusSchema = z.object({ ResponseMetadata: z.object({ HTTPStatusCode: z.number() }) })

/** Status, error type and body. Compare with `seen(answer)` by `toEqual`. */
export function recorded(test: string, step: string, names: Record<string, string> = {}) {
  const entry = jsonObject.parse(cases[test]?.[step])
  // Some recordings come from a helper that wraps the answer.
  const answer = entry.CreateFunctionResponse === undefined ? entry : jsonObject.parse(entry.CreateFunctionResponse)
  const metadata = statusSchema.safeParse(answer)
  const status: unknown = metadata.success ? metadata.data.ResponseMetadata.HTTPStatusCode : expect.any(Number)
  const error = errorSchema.safeParse(answer)
  if (!error.success) return { status, errorType: null, body: expectation(answer, names) }
  const { Error: _error, ResponseMetadata: _metadata, ...members } = answer
  // The recorder shows a body's members, but not a message that stands alone.
  const body = Object.keys(members).length === 0 ? { message: error.data.Error.Message } : members
  return { status, errorType: error.data.Error.Code, body: expectation(body, names) }
}

/** What is recorded as a number or a boolean of its own. */
export function recordedValue(test: string, step: string): unknown {
  return cases[test]?.[step]
}

export const seen = ({ status, headers, body }: WireAnswer) => ({
  status,
  errorType: headers.get('x-amzn-errortype'),
  body,
})

const listed = z.object({ Code: z.string(), Count: z.number(), Errors: z.array(z.string()) })
const single = z.object({ Code: z.string(), Message: z.string() })

/** The name validation tests were recorded in a form of their own: type, count, and the errors in any order. */
export function recordedViolations(test: string, step: string) {
  const entry = cases[test]?.[step]
  // AWS created the function.
  if (entry === undefined) return { Created: true }
  const many = listed.safeParse(entry)
  if (many.success) return { ...many.data, Errors: many.data.Errors.map((text) => expand(text)).toSorted() }
  const { Code, Message } = single.parse(entry)
  return { Code, Message: expand(Message) }
}

export function seenViolations({ status, headers, body }: WireAnswer) {
  if (status === 201) return { Created: true }
  const Code = headers.get('x-amzn-errortype')
  const { message, Message } = jsonObject.parse(body)
  const text = z.string().parse(message ?? Message)
  const [, count, errors] = /^(\d+) validation errors? detected: (.*)$/.exec(text) ?? []
  if (errors === undefined) return { Code, Message: text }
  return { Code, Count: Number(count), Errors: errors.split('; ').toSorted() }
}
