/** Receipt handles: opaque to clients, one for each receive of each message. */
import type { Receipt } from '../../store/queues.ts'

export const formatReceipt = (queueId: number, { sequence, receiveCount }: Receipt): string =>
  Buffer.from(`thaw:${queueId}:${sequence}:${receiveCount}`).toString('base64url')

/** Undefined if it is none of this queue. */
export function parseReceipt(queueId: number, handle: string): Receipt | undefined {
  const [, of, sequence, receiveCount] =
    /^thaw:(\d{1,15}):(\d{1,15}):(\d{1,15})$/.exec(Buffer.from(handle, 'base64url').toString('latin1')) ?? []
  if (Number(of) !== queueId) return undefined
  return { sequence: Number(sequence), receiveCount: Number(receiveCount) }
}
