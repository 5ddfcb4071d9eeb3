/** wasi:cli 0.3: as in 0.2, with streams for the standard streams. Standard input is closed from the start. */
import type { StreamSink } from '../async/streams.ts'
import { sourceOf } from '../../http/body.ts'
import { tuple } from '../abi/records.ts'
import { ok } from '../abi/variants.ts'
import { StreamFlow } from '../async/flow.ts'
import { Future } from '../async/futures.ts'
import type { ByteStream } from '../async/streams.ts'
import { byteStream, futureOf } from '../async/types.ts'
import { cli } from '../cli.ts'
import { define } from '../state.ts'
import type { HostFunction, HostInterface, HostInterfaces, HostState } from '../state.ts'

const resultFuture = futureOf('cli-result')

const nothing: HostInterface = { resources: [], functions: {} }

function renamed(iface: string, names: Readonly<Record<string, string>>): HostInterface {
  const { functions, resources } = cli[iface] ?? nothing
  const entries = Object.entries(functions).map(([name, call]): [string, HostFunction] => [names[name] ?? name, call])
  return { resources, functions: Object.fromEntries(entries) }
}

function readStdin({ async }: HostState): [ByteStream, Future<'cli-result'>] {
  const result = new Future('cli-result')
  const stream = async.newStream(sourceOf(new Uint8Array(0)))
  stream.onSourceEnd(() => result.resolve(ok(undefined)))
  return [stream, result]
}

function output(to: 'stdout' | 'stderr'): HostInterface {
  const write = define([byteStream], resultFuture, (state, data) => {
    const result = new Future('cli-result')
    const flow = new StreamFlow(data, logSink(state, to))
    state.async.track(flow)
    // Only what ends the stream from its other end can fail: the log takes everything.
    flow.onDone(() => result.resolve(flow.error === undefined ? ok(undefined) : { tag: 'err', val: 'io' }))
    return result
  })
  return { resources: [], functions: { 'write-via-stream': write } }
}

/** The invocation's log, which takes what it is given and has a limit of its own. */
function logSink({ invocation, limits }: HostState, to: 'stdout' | 'stderr'): StreamSink {
  return {
    capacity: limits.hostCallBytes,
    failure: undefined,
    write: (bytes) => invocation.write(to, bytes),
    onWritable(callback) {
      const immediate = setImmediate(callback)
      return () => clearImmediate(immediate)
    },
  }
}

export const cli3: HostInterfaces = {
  'wasi:cli/types@0.3': nothing,
  'wasi:cli/environment@0.3': renamed('wasi:cli/environment', { 'initial-cwd': 'get-initial-cwd' }),
  'wasi:cli/exit@0.3': renamed('wasi:cli/exit', {}),
  'wasi:cli/stdin@0.3': {
    resources: [],
    functions: {
      'read-via-stream': define([], tuple<[ByteStream, Future<'cli-result'>]>([byteStream, resultFuture]), readStdin),
    },
  },
  'wasi:cli/stdout@0.3': output('stdout'),
  'wasi:cli/stderr@0.3': output('stderr'),
  'wasi:cli/terminal-input@0.3': renamed('wasi:cli/terminal-input', {}),
  'wasi:cli/terminal-output@0.3': renamed('wasi:cli/terminal-output', {}),
  'wasi:cli/terminal-stdin@0.3': renamed('wasi:cli/terminal-stdin', {}),
  'wasi:cli/terminal-stdout@0.3': renamed('wasi:cli/terminal-stdout', {}),
  'wasi:cli/terminal-stderr@0.3': renamed('wasi:cli/terminal-stderr', {}),
}
