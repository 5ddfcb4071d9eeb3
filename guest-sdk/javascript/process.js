/** process: the part of Node's that means something here. What never happens (signals, events) is accepted silently. */
import environment from 'wasi:cli/environment@0.2.0'
import exit from 'wasi:cli/exit@0.2.0'
import { engineMemory, engineVersion } from './engine.js'
import { noteRead } from './init-reads.js'
import { invocation, monotonicMs } from './invocation.js'
import { writeError, writeOut } from './output.js'
import { queueTick } from './timers.js'

const variables = {}
const setByGuest = new Set()
let read = false

/** The environment belongs to the invocation, never to the snapshot: read at the first use after init. */
function loaded() {
  if (!read && invocation.live) {
    read = true
    for (const [name, value] of environment.getEnvironment()) if (!setByGuest.has(name)) variables[name] = value
    if (invocation.traceId) variables._X_AMZN_TRACE_ID = invocation.traceId
  }
  return variables
}

const env = new Proxy(variables, {
  get(_, name) {
    const value = loaded()[name]
    if (value === undefined && typeof name === 'string' && !invocation.live) noteRead(`process.env.${name}`)
    return value
  },
  has(_, name) {
    if (!invocation.live) noteRead(`process.env.${String(name)}`)
    return name in loaded()
  },
  ownKeys() {
    if (!invocation.live) noteRead('process.env')
    return Reflect.ownKeys(loaded())
  },
  getOwnPropertyDescriptor: (_, name) => Reflect.getOwnPropertyDescriptor(loaded(), name),
  set(_, name, value) {
    setByGuest.add(name)
    loaded()[name] = String(value)
    return true
  },
  defineProperty(_, name, property) {
    setByGuest.add(name)
    return Reflect.defineProperty(loaded(), name, property)
  },
  deleteProperty(_, name) {
    setByGuest.add(name)
    return delete loaded()[name]
  },
})

function nanoseconds() {
  noteRead('process.hrtime()')
  return BigInt(Math.round(monotonicMs() * 1e6))
}
function hrtime(since) {
  const now = nanoseconds() - (since === undefined ? 0n : BigInt(since[0]) * 1_000_000_000n + BigInt(since[1]))
  return [Number(now / 1_000_000_000n), Number(now % 1_000_000_000n)]
}
hrtime.bigint = nanoseconds

const stream = (write, fd) => ({
  fd,
  isTTY: false,
  writable: true,
  write(data, encoding, callback) {
    write(typeof data === 'string' || data instanceof Uint8Array ? data : String(data))
    const done = typeof encoding === 'function' ? encoding : callback
    if (typeof done === 'function') queueTick(done)
    return true
  },
  end() {},
  on: () => undefined,
  once: () => undefined,
  emit: () => false,
})

const ignored = () => process

export const process = {
  env,
  argv: ['/var/lang/bin/node', '/var/runtime/index.mjs'],
  execArgv: [],
  execPath: '/var/lang/bin/node',
  exitCode: undefined,
  pid: 1,
  ppid: 0,
  platform: 'linux',
  // The guest is 32-bit WebAssembly; packages that pick a native binary by this name shall find none.
  arch: 'wasm32',
  title: 'node',
  version: 'v24.0.0',
  versions: { node: '24.0.0', thaw: '0.1.0', ...engineVersion },
  release: { name: 'node' },
  features: {},
  config: {},
  stdout: stream(writeOut, 1),
  stderr: stream(writeError, 2),
  cwd: () => '/var/task',
  umask: () => 0o22,
  nextTick: queueTick,
  hrtime,
  uptime: () => monotonicMs() / 1000,
  /** What QuickJS counts; the linear memory around it is the host's to measure. */
  memoryUsage() {
    const usage = engineMemory()
    return {
      rss: usage.mallocSize,
      heapTotal: usage.mallocSize,
      heapUsed: usage.memoryUsedSize,
      external: 0,
      arrayBuffers: 0,
    }
  },
  /** Ends the invocation: any status fails it, as Lambda fails a function whose process has gone. */
  exit(code = process.exitCode ?? 0) {
    exit.exit(Number(code) === 0 ? { tag: 'ok', val: undefined } : { tag: 'err', val: undefined })
  },
  abort: () => process.exit(1),
  emitWarning(warning) {
    globalThis.console.warn(typeof warning === 'string' ? `Warning: ${warning}` : warning)
  },
  on: ignored,
  once: ignored,
  off: ignored,
  addListener: ignored,
  removeListener: ignored,
  removeAllListeners: ignored,
  prependListener: ignored,
  setMaxListeners: ignored,
  emit: () => false,
  listeners: () => [],
  listenerCount: () => 0,
}
