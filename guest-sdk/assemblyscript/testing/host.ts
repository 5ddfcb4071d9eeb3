/** The WASI functions that the SDK imports, as the canonical ABI lowers them, over a log in memory. */
import { randomFillSync } from 'node:crypto'
import { GuestMemory } from './guest-memory.ts'
import { TestHttp, type Answer, type HostImports, type Reply, type SentRequest } from './http.ts'

export interface Host {
  imports: HostImports
  memory: GuestMemory
  http: TestHttp
  /** What was written since the last call. */
  takeLog(): string
  now(): number
}

export interface HostOptions {
  environment?: Record<string, string>
  /** Milliseconds since the Unix epoch; the machine's clock if left out. */
  now?: () => number
  /** What other servers answer; without it nothing can be reached: HTTP-request-denied. */
  fetch?: (request: SentRequest) => Answer
}

export type { Answer, Reply, SentRequest }

export function createHost({ environment = {}, now = Date.now, fetch }: HostOptions): Host {
  let log = ''
  const memory = new GuestMemory()
  const http = new TestHttp(memory, fetch ?? (() => ({ error: 'HTTP-request-denied' })))
  return {
    memory,
    http,
    takeLog() {
      const taken = log
      log = ''
      return taken
    },
    now,
    imports: {
      ...http.imports,
      'wasi:cli/environment@0.2.0': {
        'get-environment'(result: number): void {
          const entries = Object.entries(environment)
          const list = memory.room(4, entries.length * 16)
          for (const [index, [name, value]] of entries.entries()) {
            memory.putList(list + index * 16, name)
            memory.putList(list + index * 16 + 8, value)
          }
          memory.view.setUint32(result, list, true)
          memory.view.setUint32(result + 4, entries.length, true)
        },
      },
      'wasi:cli/stdout@0.2.0': { 'get-stdout': () => 0 },
      'wasi:cli/exit@0.2.0': {
        exit(isError: number): void {
          throw new Error(`The function called exit(${isError})`)
        },
      },
      'wasi:io/streams@0.2.0': {
        ...http.streams,
        '[method]output-stream.blocking-write-and-flush'(stream: number, at: number, length: number, result: number) {
          log += memory.text(at, length)
          memory.view.setUint8(result, 0)
        },
      },
      'wasi:clocks/wall-clock@0.2.0': {
        now(result: number): void {
          const ms = now()
          memory.view.setBigUint64(result, BigInt(Math.floor(ms / 1_000)), true)
          memory.view.setUint32(result + 8, (ms % 1_000) * 1_000_000, true)
        },
      },
      'wasi:clocks/monotonic-clock@0.2.0': { now: () => process.hrtime.bigint() },
      'wasi:random/random@0.2.0': {
        'get-random-u64': () => randomFillSync(new BigInt64Array(1))[0],
        'get-random-bytes'(length: bigint, result: number): void {
          memory.putList(result, randomFillSync(new Uint8Array(Number(length))))
        },
      },
    },
  }
}
