/**
 * jco as it is: its glue, one instantiation an instance. The WASI host is the least that the guests' start needs, in
 * memory, so that what is timed is jco's and V8's work (preview2-shim would add a thread and blocking calls).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transpileBytes } from '@bytecodealliance/jco-transpile'
import { z } from 'zod'

/** The component's record `context`, as jco's glue takes it. */
const context = {
  awsRequestId: '00000000-0000-0000-0000-000000000000',
  functionName: 'echo',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:echo',
  memoryLimitInMb: 128,
  logGroupName: '/aws/lambda/echo',
  logStreamName: 'bench',
  deadlineMs: 0n,
  clientContext: undefined,
  tenantId: undefined,
  traceId: undefined,
}

type Handle = (event: Uint8Array, context: object) => Uint8Array | Promise<Uint8Array>
type Instantiate = (
  getCoreModule: (path: string) => WebAssembly.Module,
  imports: Record<string, unknown>,
  instantiateCore: (module: WebAssembly.Module, imports: WebAssembly.Imports) => WebAssembly.Instance,
) => Promise<unknown>

const glueSchema = z.object({ instantiate: z.custom<Instantiate>((value) => typeof value === 'function') })
const exportsSchema = z.object({
  handler: z.object({ handle: z.custom<Handle>((value) => typeof value === 'function') }),
})

export type JcoCall = (event: Uint8Array) => Promise<Uint8Array>

/** Makes instances of the component; its core modules are compiled here, once. */
export async function jcoComponent(component: Uint8Array): Promise<() => Promise<JcoCall>> {
  const { files } = await transpileBytes(component, {
    name: 'fn',
    instantiation: 'async',
    asyncMode: 'jspi',
    asyncExports: ['thaw:function/handler@0.1.0#handle', 'thaw:function/event-loop@0.1.0#turn'],
    multiMemory: true,
    emitTypescriptDeclarations: false,
    nodejsCompat: false,
    wasiShim: false,
    base64Cutoff: 0,
  })
  const folder = mkdtempSync(join(tmpdir(), 'thaw-bench-jco-'))
  try {
    const modules = new Map<string, WebAssembly.Module>()
    for (const [name, bytes] of Object.entries(files)) {
      const path = join(folder, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, bytes)
      if (name.endsWith('.wasm')) modules.set(name, await WebAssembly.compile(readFileSync(path)))
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const { instantiate } = glueSchema.parse(await import(pathToFileURL(join(folder, 'fn.js')).href))
    const moduleAt = (path: string): WebAssembly.Module => {
      const module = modules.get(path)
      if (module === undefined) throw new Error(`jco: no core module ${path}`)
      return module
    }
    return async () => {
      const exports = await instantiate(moduleAt, imports(), (module, given) => new WebAssembly.Instance(module, given))
      const { handle } = exportsSchema.parse(exports).handler
      return async (event) => handle(event, context)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

class Pollable {
  ready(): boolean {
    return true
  }
  block(): void {}
}

class OutputStream {
  checkWrite(): bigint {
    return 65_536n
  }
  write(): void {}
  blockingWriteAndFlush(): void {}
  flush(): void {}
  blockingFlush(): void {}
  subscribe(): Pollable {
    return new Pollable()
  }
}

/** A resource of which no instance is ever used. */
function resource(): unknown {
  return class {
    readonly unused = true
  }
}

function imports(): Record<string, unknown> {
  const none = () => undefined
  const seconds = () => ({ seconds: BigInt(Math.floor(Date.now() / 1_000)), nanoseconds: 0 })
  const random = () => BigInt(Math.floor(Math.random() * 2 ** 48))
  const bytes = (length: bigint) => crypto.getRandomValues(new Uint8Array(Number(length)))
  return {
    'wasi:cli/environment': { getEnvironment: () => [], getArguments: () => [], initialCwd: none },
    'wasi:cli/exit': {
      exit() {
        throw new Error('the guest exited')
      },
    },
    'wasi:cli/stdin': { getStdin: () => ({}) },
    'wasi:cli/stdout': { getStdout: () => new OutputStream() },
    'wasi:cli/stderr': { getStderr: () => new OutputStream() },
    'wasi:cli/terminal-input': { TerminalInput: resource() },
    'wasi:cli/terminal-output': { TerminalOutput: resource() },
    'wasi:cli/terminal-stdin': { getTerminalStdin: none },
    'wasi:cli/terminal-stdout': { getTerminalStdout: none },
    'wasi:cli/terminal-stderr': { getTerminalStderr: none },
    'wasi:clocks/monotonic-clock': {
      now: () => process.hrtime.bigint(),
      resolution: () => 1n,
      subscribeDuration: () => new Pollable(),
      subscribeInstant: () => new Pollable(),
    },
    'wasi:clocks/wall-clock': { now: seconds, resolution: () => ({ seconds: 0n, nanoseconds: 1_000_000 }) },
    'wasi:filesystem/preopens': { getDirectories: () => [] },
    'wasi:filesystem/types': { Descriptor: resource(), DirectoryEntryStream: resource(), filesystemErrorCode: none },
    'wasi:io/error': { Error: resource() },
    'wasi:io/poll': { Pollable, poll: () => new Uint32Array([0]) },
    'wasi:io/streams': { InputStream: resource(), OutputStream },
    'wasi:random/random': { getRandomBytes: bytes, getRandomU64: random },
    'wasi:random/insecure': { getInsecureRandomBytes: bytes, getInsecureRandomU64: random },
    'wasi:random/insecure-seed': { insecureSeed: () => [random(), random()] },
  }
}
