/** A batch of a queue. What is named in the answer is given again and, in the end, goes to the dead-letter queue. */
export const handler = async ({ Records }) => {
  const batchItemFailures = []
  for (const { messageId, body } of Records) {
    try {
      work(JSON.parse(body))
    } catch (error) {
      console.error('message %s: %s', messageId, error.message)
      batchItemFailures.push({ itemIdentifier: messageId })
    }
  }
  return { batchItemFailures }
}

function work(order) {
  if (!Number.isInteger(order.quantity)) throw new Error('the order has no quantity')
  console.log('order of %d', order.quantity)
}
