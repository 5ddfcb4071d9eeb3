/** wasi:cli: the invocation's environment, exit, standard streams. There are no arguments, no terminal. */
import { own } from './abi/handles.ts'
import { list } from './abi/lists.ts'
import { tuple } from './abi/records.ts'
import { u8 } from './abi/scalars.ts'
import { string } from './abi/strings.ts'
import { option, result } from './abi/variants.ts'
import { GuestExit } from './errors.ts'
import { newInputStream, newOutputStream } from './resources.ts'
import { define } from './state.ts'
import type { HostInterfaces } from './state.ts'

const environment = list(tuple<[string, string]>([string, string]))

function exit(code: number): never {
  throw new GuestExit(code)
}

export const cli: HostInterfaces = {
  'wasi:cli/environment': {
    resources: [],
    functions: {
      'get-environment': define([], environment, (state) => {
        state.reads.environment = true
        return Object.entries(state.invocation.environment)
      }),
      'get-arguments': define([], list(string), () => []),
      // Lambda's. libc does not ask: paths that are not absolute it takes from the root.
      'initial-cwd': define([], option(string), () => '/var/task'),
    },
  },
  'wasi:cli/exit': {
    resources: [],
    functions: {
      exit: define([result()], undefined, (_state, status) => exit(status.tag === 'ok' ? 0 : 1)),
      // Unstable in WASI 0.2, but what libc's exit(n) uses where it is there.
      'exit-with-code': define([u8], undefined, (_state, code) => exit(code)),
    },
  },
  'wasi:cli/stdin': {
    resources: [],
    functions: { 'get-stdin': define([], own('input-stream'), () => newInputStream()) },
  },
  'wasi:cli/stdout': {
    resources: [],
    functions: { 'get-stdout': define([], own('output-stream'), () => newOutputStream('stdout')) },
  },
  'wasi:cli/stderr': {
    resources: [],
    functions: { 'get-stderr': define([], own('output-stream'), () => newOutputStream('stderr')) },
  },
  'wasi:cli/terminal-input': { resources: ['terminal-input'], functions: {} },
  'wasi:cli/terminal-output': { resources: ['terminal-output'], functions: {} },
  'wasi:cli/terminal-stdin': {
    resources: [],
    functions: { 'get-terminal-stdin': define([], option(own('terminal-input')), () => undefined) },
  },
  'wasi:cli/terminal-stdout': {
    resources: [],
    functions: { 'get-terminal-stdout': define([], option(own('terminal-output')), () => undefined) },
  },
  'wasi:cli/terminal-stderr': {
    resources: [],
    functions: { 'get-terminal-stderr': define([], option(own('terminal-output')), () => undefined) },
  },
}
