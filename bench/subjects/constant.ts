import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort, ServerProcess } from './process.ts'
import { subjectOf, type Subject } from './subject.ts'

const module = fileURLToPath(new URL('constant-server.ts', import.meta.url))

/** As many processes on one port as Thaw has workers. */
export async function startConstantServer(processes: number): Promise<Subject> {
  const port = await freePort()
  const servers: ServerProcess[] = []
  try {
    for (let index = 0; index < processes; index++) {
      const args = ['--no-warnings', module, String(port)]
      const server = new ServerProcess({ name: 'the constant server', command: process.execPath, args, channel: true })
      servers.push(server)
      await server.until(() => once(server.process, 'message'))
    }
  } catch (error) {
    for (const server of servers) await server[Symbol.asyncDispose]()
    throw error
  }
  const path = '/2015-03-31/functions/constant/invocations'
  return subjectOf(servers, { host: '127.0.0.1', ports: [port], path, canary: 'constant' })
}
