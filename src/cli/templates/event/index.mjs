// Runs once, when the function is built: every invocation starts from the state that is left here.
const greeting = 'Hello'

/** The event is whatever the caller sends, the answer whatever is returned. */
export const handler = async (event, context) => {
  console.log('called for %s', event.name ?? 'nobody')
  return { message: `${greeting}, ${event.name ?? 'world'}!`, requestId: context.awsRequestId }
}
