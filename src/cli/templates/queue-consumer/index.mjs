/**
 * A batch of messages of a queue. Those named in the answer come again, and in the end go to the dead-letter queue;
 * the event source mapping needs `FunctionResponseTypes: ["ReportBatchItemFailures"]`.
 */
export const handler = async ({ Records }) => {
  const batchItemFailures = []
  for (const { messageId, body } of Records) {
    try {
      await consume(JSON.parse(body))
    } catch (error) {
      console.error('message %s: %s', messageId, error.message)
      batchItemFailures.push({ itemIdentifier: messageId })
    }
  }
  return { batchItemFailures }
}

async function consume(order) {
  if (!Number.isInteger(order.quantity)) throw new Error('an order has a quantity')
  console.log('order of %d', order.quantity)
}
