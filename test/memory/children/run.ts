import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'

/** Start `children/<name>.ts` with an IPC channel; the caller awaits its end or kills it. */
export function start(name: string, args: string[], execArgv: string[] = []): ChildProcess {
  return fork(new URL(`./${name}.ts`, import.meta.url), args, {
    execArgv,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

/** The child's next message. A child that ends without one is an error, not a hang. */
export async function message(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  child.once('exit', (code, signal) => ended.abort(new Error(`the child ended with ${code ?? signal}`)))
  const [received] = await once(child, 'message', { signal: ended.signal })
  return received
}

export async function exit(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return { code: child.exitCode, signal: child.signalCode }
}
