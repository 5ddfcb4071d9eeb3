/** What the batch operations have in common. */
import { QueueError } from '../../events/queues/errors.ts'
import { sqsErrorForm } from './errors.ts'

const maxEntries = 10

/** Throws `EmptyBatchRequest`, `TooManyEntriesInBatchRequest`, `InvalidBatchEntryId`, `BatchEntryIdsNotDistinct`. */
export function entriesOf<T extends { Id: string }>(entries: readonly T[] | undefined): readonly T[] {
  if (entries === undefined || entries.length === 0)
    throw new QueueError('EmptyBatchRequest', 'There should be at least one entry in the request.')
  if (entries.length > maxEntries)
    throw new QueueError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${maxEntries}. You have sent ${entries.length}.`,
    )
  if (entries.some(({ Id }) => !/^[A-Za-z0-9_-]{1,80}$/.test(Id)))
    throw new QueueError(
      'InvalidBatchEntryId',
      'A batch entry id can only contain alphanumeric characters, hyphens and underscores. ' +
        'It can be at most 80 letters long.',
    )
  const ids = entries.map(({ Id }) => Id)
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index)
  if (repeated !== undefined) throw new QueueError('BatchEntryIdsNotDistinct', `Id ${repeated} repeated.`)
  return entries
}

export function answerBatch<T>(
  entries: readonly { Id: string }[],
  outcomes: readonly (T | QueueError)[],
  present: (outcome: T) => object,
): object {
  const Successful: object[] = []
  const Failed: object[] = []
  for (const [index, outcome] of outcomes.entries()) {
    const Id = entries[index]?.Id
    if (outcome instanceof QueueError) {
      const { queryCode, status } = sqsErrorForm(outcome)
      Failed.push({ Id, SenderFault: status < 500, Code: queryCode, Message: outcome.message })
    } else Successful.push({ Id, ...present(outcome) })
  }
  return { Successful, Failed }
}
