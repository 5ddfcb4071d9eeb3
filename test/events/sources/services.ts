/** Tests that need a server somebody else runs: left out where it is not there, but never in CI. */
import { once } from 'node:events'
import { connect } from 'node:net'

export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** With `CI=true` the answer is no: the tests run in any case, and fail without the service. */
export async function isMissingService(port: number): Promise<boolean> {
  return process.env.CI !== 'true' && !(await isListening(port))
}
