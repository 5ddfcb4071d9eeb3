const startedAt = new Date().toISOString()
let invocations = 0

/** Answers with what it was sent. `invocations` is always 1: every invocation starts from the snapshot. */
export const handler = async (event, context) => {
  invocations += 1
  console.log('hello from %s', context.functionName)
  return {
    message: `Hello, ${event.name ?? 'world'}!`,
    invocations,
    snapshotTakenAt: startedAt,
    requestId: context.awsRequestId,
  }
}
