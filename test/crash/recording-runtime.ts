/**
 * The real runtime, with a witness: before a function runs, its payload is told to the collector (the function's variable
 * COLLECTOR is its port on loopback), which has it for sure before the invocation begins. A worker's own word would go
 * with the worker.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { createRuntime as createRealRuntime, type RuntimeOptions } from '../../src/instance/runtime.ts'
import type { Invocation } from '../../src/invocation.ts'

export function createRuntime(options: RuntimeOptions) {
  const runtime = createRealRuntime(options)
  let witness: Promise<(line: string) => Promise<void>> | undefined
  return {
    ...runtime,
    async invoke(invocation: Invocation) {
      const port = Number(invocation.spec.environment.COLLECTOR)
      witness ??= connectTo(port)
      const { spec, payload, requestId } = invocation
      const tell = await witness
      await tell(`${JSON.stringify([spec.functionName, requestId, Buffer.from(payload).toString()])}\n`)
      return runtime.invoke(invocation)
    },
  }
}

/** Lines are acknowledged in the order in which they were sent. */
async function connectTo(port: number): Promise<(line: string) => Promise<void>> {
  const socket: Socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const waiting: (() => void)[] = []
  createInterface(socket).on('line', () => waiting.shift()?.())
  return (line) =>
    new Promise((resolve) => {
      waiting.push(resolve)
      socket.write(line)
    })
}
