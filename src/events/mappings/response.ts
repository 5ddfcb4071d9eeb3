/**
 * What a function that reports batch item failures answered (shared/lambda/README.md, "Event source mapping";
 * docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
 */
import { z } from 'zod'

/** Of the answer; `whole`: it names what is not in the batch, or is no such answer at all. */
export type ReportedFailures = { kind: 'some'; ids: ReadonlySet<string> } | { kind: 'whole' }

const nothing: ReportedFailures = { kind: 'some', ids: new Set() }
const whole: ReportedFailures = { kind: 'whole' }

const answerSchema = z.looseObject({
  batchItemFailures: z.array(z.looseObject({ itemIdentifier: z.string().min(1) })).nullish(),
})

/** Success: null, `""`, `{}`, and a list that is empty or null. */
export function reportedFailures(payload: Uint8Array, known: ReadonlySet<string>): ReportedFailures {
  let answer: unknown
  try {
    const text = Buffer.from(payload).toString()
    answer = text.trim() === '' ? null : JSON.parse(text)
  } catch {
    return whole
  }
  if (answer === null || answer === '' || (Array.isArray(answer) && answer.length === 0)) return nothing
  const parsed = answerSchema.safeParse(answer)
  if (!parsed.success) return whole
  const ids = new Set(parsed.data.batchItemFailures?.map(({ itemIdentifier }) => itemIdentifier))
  return ids.values().every((id) => known.has(id)) ? { kind: 'some', ids } : whole
}
