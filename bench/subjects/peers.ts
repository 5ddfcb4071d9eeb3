/** Others' servers with an equivalent handler. Their packages are the bench's own (bench/peers), installed on demand. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached, hashOfFiles, repository } from '../cache.ts'
import { NotMeasured } from '../figure.ts'
import { componentize } from '../guests/starling.ts'
import { freePort, portOpen, ServerProcess } from './process.ts'
import { subjectOf, type Subject } from './subject.ts'

const run = promisify(execFile)
const folder = join(repository, 'bench', 'peers')
const modules = join(folder, 'node_modules')

export interface Peers {
  /** Installs them and builds what they serve, unless that was done before. Errors: NotMeasured. */
  prepare(): Promise<void>
  /** One process each on a port of its own: workerd has one thread and shares no port. Errors: NotMeasured. */
  workerd(processes: number): Promise<Subject>
  /** Path of the component that it serves. Errors: NotMeasured. */
  jcoComponent(): Promise<string>
  /** `jco serve --isolate-requests instance`. Errors: NotMeasured. */
  jcoServe(): Promise<Subject>
}

export function createPeers(onStep: (text: string) => void): Peers {
  let installed: Promise<void> | undefined
  const install = (): Promise<void> => {
    installed ??= installPeers(onStep)
    return installed
  }
  return {
    async prepare() {
      await install()
      await jcoComponent(onStep)
    },

    async workerd(processes) {
      await install()
      const command = workerdBinary()
      const servers: ServerProcess[] = []
      const ports: number[] = []
      try {
        for (let index = 0; index < processes; index++) {
          const port = await freePort()
          const args = ['serve', join(folder, 'workerd.capnp'), '--socket-addr', `http=127.0.0.1:${port}`]
          const server = new ServerProcess({ name: 'workerd', command, args })
          servers.push(server)
          await server.until((signal) => portOpen(port, signal))
          ports.push(port)
        }
      } catch (cause) {
        for (const server of servers) await server[Symbol.asyncDispose]()
        throw new NotMeasured(`workerd does not start: ${messageOf(cause)}`, { cause })
      }
      return subjectOf(servers, { host: '127.0.0.1', ports, path: '/', canary: 'stateful' })
    },

    async jcoComponent() {
      await install()
      return jcoComponent(onStep)
    },

    async jcoServe() {
      await install()
      const component = await jcoComponent(onStep)
      const port = await freePort()
      const args = [
        '--no-warnings',
        jcoCommand(),
        'serve',
        component,
        '--port',
        String(port),
        '--isolate-requests',
        'instance',
      ]
      const server = new ServerProcess({ name: 'jco serve', command: process.execPath, args })
      try {
        await server.until((signal) => portOpen(port, signal), 60_000)
      } catch (cause) {
        await server[Symbol.asyncDispose]()
        throw new NotMeasured(`jco serve does not start: ${messageOf(cause)}`, { cause })
      }
      return subjectOf([server], { host: '127.0.0.1', ports: [port], path: '/', canary: 'pristine' })
    },
  }
}

async function installPeers(onStep: (text: string) => void): Promise<void> {
  // npm writes this file last, with the lock's content: both the same age or newer says that it is complete.
  if (existsSync(join(modules, '.package-lock.json')) && existsSync(jcoCommand())) return
  onStep('installing the peers, once')
  try {
    // By the lock, which is left as it is. Not `npm ci`: that refuses where a registry lacks another platform's binaries.
    // No install scripts: workerd's only moves its binary, which we call where it lies.
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error']
    await run('npm', ['install', '--no-save', '--prefix', folder, ...quiet], { cwd: folder })
  } catch (cause) {
    throw new NotMeasured(`the peers are not installed and npm cannot: ${messageOf(cause).slice(0, 300)}`, { cause })
  }
}

function workerdBinary(): string {
  const { platform, arch } = process
  const name = `workerd-${platform}-${arch === 'x64' ? '64' : arch}`
  const path = join(modules, '@cloudflare', name, 'bin', 'workerd')
  if (!existsSync(path)) throw new NotMeasured(`workerd has no binary for ${platform} ${arch}`)
  return path
}

function jcoCommand(): string {
  return join(modules, '@bytecodealliance', 'jco', 'dist', 'jco.js')
}

/** The version of wasi:http that StarlingMonkey answers fetch events by; jco ships the WIT of a later one. */
const starlingWasi = '0.2.10'
const shippedWasi = '0.2.12'

function jcoComponent(onStep: (text: string) => void): Promise<string> {
  const source = readFileSync(join(folder, 'jco-echo.js'), 'utf8')
  const key = hashOfFiles(['bench/peers/package-lock.json'], source, starlingWasi)
  return cached('jco-serve', key, (path) => {
    onStep("building jco serve's component for the first time")
    return componentize(jcoCommand(), { source, wit: incomingHandlerWit(), world: 'echo', disable: [] }, path)
  })
}

/** Only what an incoming handler is made of: the worlds of these packages would bring in more than jco can merge. */
function incomingHandlerWit(): string {
  const builtin = join(modules, '@bytecodealliance', 'jco', 'lib', 'wit', 'builtin', shippedWasi)
  const packages = ['wasi-http', 'wasi-io', 'wasi-clocks'].map((name) => {
    const wit = readFileSync(join(builtin, name, 'package.wit'), 'utf8')
      .replaceAll(shippedWasi, starlingWasi)
      .replaceAll(/^world [\s\S]*?^}/gm, '')
    return `${wit.replace(/^package ([^;]+);/m, 'package $1 {')}\n}`
  })
  const world = `package thaw:bench;\nworld echo {\n  export wasi:http/incoming-handler@${starlingWasi};\n}\n`
  return [world, ...packages].join('\n')
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
