/** The WASI functions that the SDK imports, as the canonical ABI lowers them, over a log in memory. */
import { randomFillSync } from 'node:crypto'

export interface Host {
  imports: Record<string, Record<string, (...values: never[]) => unknown>>
  /** Once instantiated: where the guest's memory is. */
  use(exports: HostView): void
  /** What was written since the last call. */
  takeLog(): string
  now(): number
}

export interface HostView {
  memory: WebAssembly.Memory
  cabi_realloc(old: number, oldBytes: number, align: number, bytes: number): number
}

export function createHost({
  environment = {},
  now = Date.now,
}: {
  environment?: Record<string, string>
  now?: () => number
}): Host {
  let exports: HostView | undefined
  let log = ''
  const guest = (): HostView => {
    if (exports === undefined)
      throw new Error('Reading the environment or randomness during init is not for unit tests')
    return exports
  }
  const view = () => new DataView(guest().memory.buffer)
  const put = (bytes: Uint8Array): number => {
    const at = guest().cabi_realloc(0, 0, 1, bytes.length)
    new Uint8Array(guest().memory.buffer).set(bytes, at)
    return at
  }
  const putText = (at: number, text: string): void => {
    const bytes = Buffer.from(text)
    const start = put(bytes)
    view().setUint32(at, start, true)
    view().setUint32(at + 4, bytes.length, true)
  }
  return {
    use(used) {
      exports = used
    },
    takeLog() {
      const taken = log
      log = ''
      return taken
    },
    now,
    imports: {
      'wasi:cli/environment@0.2.0': {
        'get-environment'(result: number): void {
          const entries = Object.entries(environment)
          const list = guest().cabi_realloc(0, 0, 4, entries.length * 16)
          for (const [index, [name, value]] of entries.entries()) {
            putText(list + index * 16, name)
            putText(list + index * 16 + 8, value)
          }
          view().setUint32(result, list, true)
          view().setUint32(result + 4, entries.length, true)
        },
      },
      'wasi:cli/stdout@0.2.0': { 'get-stdout': () => 1 },
      'wasi:cli/exit@0.2.0': {
        exit(isError: number): void {
          throw new Error(`The function called exit(${isError})`)
        },
      },
      'wasi:io/streams@0.2.0': {
        '[method]output-stream.blocking-write-and-flush'(stream: number, at: number, length: number, result: number) {
          log += Buffer.from(guest().memory.buffer, at, length).toString()
          view().setUint8(result, 0)
        },
        '[resource-drop]output-stream': () => undefined,
      },
      'wasi:clocks/wall-clock@0.2.0': {
        now(result: number): void {
          const ms = now()
          view().setBigUint64(result, BigInt(Math.floor(ms / 1_000)), true)
          view().setUint32(result + 8, (ms % 1_000) * 1_000_000, true)
        },
      },
      'wasi:clocks/monotonic-clock@0.2.0': { now: () => process.hrtime.bigint() },
      'wasi:random/random@0.2.0': {
        'get-random-u64': () => randomFillSync(new BigInt64Array(1))[0],
        'get-random-bytes'(length: bigint, result: number): void {
          const at = put(randomFillSync(new Uint8Array(Number(length))))
          view().setUint32(result, at, true)
          view().setUint32(result + 4, Number(length), true)
        },
      },
    },
  }
}
