import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { createQuickBuilder } from '../build/quick/quick-builder.ts'
import { createClient } from './client.ts'
import { functionPath } from './project/deployment.ts'
import { createDevSession, type Swap } from './project/dev-session.ts'
import { startLocalServer, untilInterrupted, type LocalServer } from './project/local-server.ts'
import { followLog } from './project/log-tail.ts'
import { readProject } from './project/project.ts'
import { sourceFrame } from './project/source-frame.ts'
import { watchFolder } from './project/watch.ts'
import { msText, print, withProgress } from './terminal.ts'

interface Options {
  port?: string
}

export function devCommand(): Command {
  return new Command('dev')
    .description('run a folder on a server of its own, built anew at every save; Ctrl-C ends it and leaves nothing')
    .argument('[folder]', 'where its thaw.json is', '.')
    .option('--port <number>', 'port, 0 for any that is free (THAW_PORT)')
    .action(dev)
}

async function dev(given: string, { port }: Options): Promise<void> {
  const { folder, name } = readProject(given)
  let abandon = (): void => {}
  const interrupted = untilInterrupted(() => abandon())
  const starting = startLocalServer({ config: port === undefined ? {} : { port }, createBuilder: createQuickBuilder })
  await using server = await withProgress('Starting', starting)
  abandon = () => server.abandon()
  print(`Thaw runs ${name} on ${server.url}, with the limits of a real server; Ctrl-C ends it`)
  const over = new AbortController()
  const loop = createLoop(server, folder, over.signal)
  using _watch = watchFolder(folder, (path) => loop.changed(`${path} changed`))
  loop.changed('Built')
  try {
    await Promise.race([interrupted, server.controller.stopped, loop.failed])
  } finally {
    over.abort()
  }
}

interface Loop {
  /** `what` begins the line that says how it went. While a build is under way, the next one waits. */
  changed(what: string): void
  /** Never resolves; rejects with what is wrong with Thaw itself. */
  readonly failed: Promise<never>
}

function createLoop(server: LocalServer, folder: string, over: AbortSignal): Loop {
  // Its own server is not to be asked with somebody's AWS credentials.
  const session = createDevSession(createClient(server.url, {}), folder)
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  let pending: string | undefined
  let isBusy = false
  let shownName: string | undefined

  const run = async (): Promise<void> => {
    for (let what = pending; what !== undefined && !over.aborted; what = pending) {
      pending = undefined
      const swap = await withProgress('Building', session.swap())
      if (over.aborted) return
      print(swapText(swap, what))
      if (swap.kind !== 'ready' || swap.project.name === shownName) continue
      // The first time, and when it is called otherwise.
      shownName = swap.project.name
      print(`Invoke  ${server.url}${functionPath(shownName, '/invocations')}`)
      if (swap.functionUrl !== undefined) print(`URL     ${swap.functionUrl}`)
      await follow(shownName)
    }
  }
  const follow = async (name: string): Promise<void> => {
    const path = join(server.dataDir, 'logs', server.accountId, `${name}.log`)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    followLog(path, 0, (text) => showLog(text, folder), over).catch(failed.reject)
  }
  return {
    failed: failed.promise,
    changed(what) {
      pending = what
      if (isBusy) return
      isBusy = true
      run()
        .catch(failed.reject)
        .finally(() => {
          isBusy = false
        })
    },
  }
}

function swapText(swap: Swap, what: string): string {
  switch (swap.kind) {
    case 'ready':
      return [`${what}: ready in ${msText(swap.tookMs)}`, ...swap.warnings.map((text) => `warning: ${text}`)].join('\n')
    case 'unchanged':
      return `${what}: nothing of the function`
    case 'failed':
      return `${what}: ${swap.message}\nNot deployed; what ran before still runs. Waiting for the next save`
  }
}

/** An error's trace may name the author's own lines: they are shown below it. */
function showLog(text: string, folder: string): void {
  process.stdout.write(text)
  if (!/\bERROR\b/.test(text)) return
  const frame = sourceFrame(text, folder)
  if (frame !== undefined) print(frame)
}
