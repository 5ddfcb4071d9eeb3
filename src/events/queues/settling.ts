/** Deleting received messages and changing for how long they stay hidden. */
import type { QueueRecord, QueueStore, Receipt, ReceiptState } from '../../store/queues.ts'
import type { ReceivedMessage } from '../queues.ts'
import { invalidParameter, QueueError } from './errors.ts'
import type { LongPolls } from './long-polls.ts'
import { parseReceipt } from './receipts.ts'
import type { QueueService } from './service.ts'

export interface SettlingOptions {
  store: QueueStore
  get: (arn: string) => Promise<QueueRecord>
  polls: LongPolls<ReceivedMessage>
  now: () => number
}

type Settling = Pick<QueueService, 'delete' | 'deleteBatch' | 'changeVisibility' | 'changeVisibilityBatch'>

/** AWS: a message stays hidden for 12 hours at most after it was received. */
const longestHiddenMs = 43_200_000

export function createSettling({ store, get, polls, now }: SettlingOptions): Settling {
  /** One outcome for each handle; those that parse go to the store together. */
  const settle = async <S>(
    queueId: number,
    handles: readonly string[],
    change: (receipts: { receipt: Receipt; index: number }[]) => Promise<S[]>,
    outcome: (state: S, handle: string) => QueueError | undefined,
  ): Promise<(QueueError | undefined)[]> => {
    const parsed = handles.map((handle) => parseReceipt(queueId, handle))
    const known = parsed.flatMap((receipt, index) => (receipt === undefined ? [] : [{ receipt, index }]))
    const states = known.length === 0 ? [] : await change(known)
    const outcomes = handles.map((handle, index): QueueError | undefined =>
      parsed[index] === undefined ? notAHandle(handle) : undefined,
    )
    for (const [place, state] of states.entries()) {
      const index = known[place]?.index ?? -1
      outcomes[index] = outcome(state, handles[index] ?? '')
    }
    return outcomes
  }

  const remove = async (arn: string, handles: readonly string[]): Promise<(QueueError | undefined)[]> => {
    const { queueId, attributes } = await get(arn)
    // FIFO: the receipt ends with the visibility timeout, as the next of the group may have gone out already.
    const deletable: readonly ReceiptState[] = attributes.fifo ? ['current'] : ['current', 'visible']
    let deleted = 0
    const outcomes = await settle(
      queueId,
      handles,
      (known) => store.delete(queueId, known.map(receiptOf), now(), deletable),
      (state, handle) => {
        if (deletable.includes(state)) deleted++
        const expired = attributes.fifo && (state === 'visible' || state === 'stale')
        return expired ? invalidParameter(handle, 'ReceiptHandle', 'The receipt handle has expired.') : undefined
      },
    )
    // The next of the group can be received.
    if (attributes.fifo && deleted > 0) polls.arrived(queueId, deleted)
    return outcomes
  }

  const hide = async (
    arn: string,
    changes: readonly { receiptHandle: string; timeoutSeconds: number }[],
  ): Promise<(QueueError | undefined)[]> => {
    const { queueId, attributes } = await get(arn)
    const at = now()
    const until = (index: number): number => at + (changes[index]?.timeoutSeconds ?? 0) * 1_000
    const outcomes = await settle(
      queueId,
      changes.map(({ receiptHandle }) => receiptHandle),
      (known) => {
        const moved = known.map(({ receipt, index }) => ({ ...receipt, visibleAt: until(index) }))
        return store.changeVisibility(queueId, moved, at, longestHiddenMs)
      },
      (state, handle) => {
        if (state === 'current' || (state === 'visible' && !attributes.fifo)) return undefined
        const seconds = longestHiddenMs / 1_000
        if (state === 'beyond')
          return invalidParameter(
            changes.find(({ receiptHandle }) => receiptHandle === handle)?.timeoutSeconds,
            'VisibilityTimeout',
            `Total VisibilityTimeout for the message is beyond the limit [${seconds} seconds]`,
          )
        const reason = 'Message does not exist or is not available for visibility timeout change.'
        return invalidParameter(handle, 'ReceiptHandle', reason)
      },
    )
    const atOnce = changes.filter(({ timeoutSeconds }) => timeoutSeconds === 0).length
    if (atOnce > 0) polls.arrived(queueId, atOnce)
    for (const [index, { timeoutSeconds }] of changes.entries())
      if (timeoutSeconds > 0) polls.due(queueId, until(index))
    return outcomes
  }

  return {
    deleteBatch: remove,
    changeVisibilityBatch: hide,
    delete: async (arn, receiptHandles) => {
      await remove(arn, receiptHandles)
    },
    changeVisibility: async (arn, receiptHandles, timeoutSeconds) => {
      await hide(
        arn,
        receiptHandles.map((receiptHandle) => ({ receiptHandle, timeoutSeconds })),
      )
    },
  }
}

const receiptOf = ({ receipt }: { receipt: Receipt }): Receipt => receipt

const notAHandle = (handle: string): QueueError =>
  new QueueError('ReceiptHandleIsInvalid', `The input receipt handle "${handle}" is not a valid receipt handle.`)
