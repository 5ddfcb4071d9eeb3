/** Broker processes of a test's own, on free ports and in temporary folders, to be stopped and started. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { isListening } from './services.ts'

export interface PrivateBroker {
  port: number
  /** Resolves when it takes connections. */
  start(): Promise<void>
  /** As an operator stops it: SIGTERM. Resolves when the process is gone. */
  stop(): Promise<void>
}

interface Program {
  command: string
  args: string[]
  env?: Record<string, string>
}

/** The program's path; undefined if this machine has none. */
export const programs = {
  nats: ['/usr/sbin/nats-server', '/usr/bin/nats-server', '/usr/local/bin/nats-server'],
  redis: ['/usr/bin/redis-server', '/usr/local/bin/redis-server'],
  mqtt: ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'],
  // Not the wrapper on the path, which changes the user and the environment.
  rabbitmq: ['/usr/lib/rabbitmq/bin/rabbitmq-server'],
  epmd: ['/usr/bin/epmd'],
}

export const pathOf = (program: keyof typeof programs): string | undefined => programs[program].find(existsSync)

export async function privateBroker(kind: 'nats' | 'redis' | 'mqtt' | 'rabbitmq', folder: string) {
  const port = await freePort()
  const command = pathOf(kind)
  if (command === undefined) throw new Error(`no ${kind} on this machine`)
  if (kind === 'nats')
    return broker(port, { command, args: ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder] })
  if (kind === 'redis') {
    const args = ['--bind', '127.0.0.1', '--port', String(port), '--appendonly', 'yes', '--dir', folder]
    return broker(port, { command, args })
  }
  if (kind === 'mqtt') {
    const file = join(folder, 'mosquitto.conf')
    // `user`: as root it would become another, who may not write to the folder.
    const lines = ['persistence true', `persistence_location ${folder}/`, 'max_queued_messages 0', 'user root']
    await writeFile(file, [`listener ${port} 127.0.0.1`, 'allow_anonymous true', ...lines, ''].join('\n'))
    return broker(port, { command, args: ['-c', file] })
  }
  return rabbit(command, port, folder)
}

/** A node with a port mapper of its own, so that it knows nothing of the machine's RabbitMQ. */
async function rabbit(command: string, port: number, folder: string): Promise<PrivateBroker> {
  const mapperPort = await freePort()
  const mapper = broker(mapperPort, {
    command: pathOf('epmd') ?? 'epmd',
    args: ['-port', String(mapperPort), '-address', '127.0.0.1'],
  })
  await mapper.start()
  const env = {
    HOME: folder,
    ERL_EPMD_PORT: String(mapperPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // Keeps the shell from staying between us and the server.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: join(folder, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_NODENAME: 'thaw@localhost',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_MNESIA_BASE: folder,
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(folder, 'pid'),
  }
  return broker(port, { command, args: [], env })
}

function broker(port: number, { command, args, env = {} }: Program): PrivateBroker {
  let child: ChildProcess | undefined
  const stop = async (): Promise<void> => {
    if (child === undefined) return
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await ended
    }
    child = undefined
  }
  onTestFinished(stop)
  return {
    port,
    stop,
    async start() {
      const started = spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: 'ignore' })
      child = started
      while (!(await isListening(port))) {
        if (started.exitCode !== null) throw new Error(`${command} ended with ${started.exitCode}`)
        await sleep(20)
      }
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
