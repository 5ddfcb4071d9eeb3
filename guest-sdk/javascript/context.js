/** A Lambda handler's second argument, of the record in guest-sdk/wit. `callback`: the handler's third. */
export function contextOf(received, callback) {
  const { deadlineMs } = received
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: received.functionVersion,
    functionName: received.functionName,
    memoryLimitInMB: String(received.memoryLimitInMb),
    logGroupName: received.logGroupName,
    logStreamName: received.logStreamName,
    clientContext: received.clientContext ? JSON.parse(received.clientContext) : undefined,
    identity: undefined,
    invokedFunctionArn: received.invokedFunctionArn,
    awsRequestId: received.awsRequestId,
    tenantId: received.tenantId ?? undefined,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
    done: callback,
    succeed: (result) => callback(null, result),
    fail: (error) => callback(error ?? 'handled'),
  }
}
