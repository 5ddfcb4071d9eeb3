/** The host under real core code: linked as the instances link it, waits suspending the guest. */
import { parse } from '@bytecodealliance/jco'
import { expect, test } from 'vitest'
import { GuestExit, InvocationAborted } from '../../src/wasi/errors.ts'
import { TestGuest } from './support.ts'

const source = `(module
  (import "wasi:clocks/monotonic-clock" "subscribe-duration" (func $timer (param i64) (result i32)))
  (import "wasi:io/poll" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll" "[resource-drop]pollable" (func $drop (param i32)))
  (import "wasi:cli/stdout" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:cli/exit" "exit" (func $exit (param i32)))
  (import "host" "memory" (memory 1))
  (data (i32.const 32) "waited")
  (func (export "wait") (param i64) (result i32) (local $pollable i32)
    (local.set $pollable (call $timer (local.get 0)))
    (call $block (local.get $pollable))
    (call $drop (local.get $pollable))
    (call $write (call $stdout) (i32.const 32) (i32.const 6) (i32.const 64))
    (i32.load8_u (i32.const 64)))
  (func (export "leave") (call $exit (i32.const 1)))
  (func (export "leave-and-go-on")
    (block $caught (try_table (catch_all $caught) (call $exit (i32.const 1))))
    (drop (call $stdout))))`

type Call = (...args: unknown[]) => unknown

function isCall(value: unknown): value is Call {
  return typeof value === 'function'
}

/** The guest's export, to be called. */
async function instantiate(guest: TestGuest, name: string): Promise<Call> {
  const module = await WebAssembly.compile(Buffer.from(await parse(source)))
  const imports: WebAssembly.Imports = { host: { memory: guest.memory } }
  for (const { module: iface, name } of WebAssembly.Module.imports(module)) {
    if (iface !== 'host') (imports[iface] ??= {})[name] = importOf(guest, iface, name)
  }
  const found = (await WebAssembly.instantiate(module, imports)).exports[name]
  if (!isCall(found)) throw new Error(`no export ${name}`)
  return found
}

function importOf(guest: TestGuest, iface: string, name: string): WebAssembly.ImportValue {
  const resource = /^\[resource-drop\](.*)/.exec(name)?.[1]
  if (resource !== undefined) return guest.host.drop(iface, resource)
  const { fn, mayBlock } = guest.host.lower(iface, name, guest.options)
  return mayBlock ? new WebAssembly.Suspending(fn) : fn
}

// Long enough that neither wait is over before both have begun, on the busiest machine.
test('a guest waits, others run meanwhile, and it goes on', async () => {
  const guests = [new TestGuest(), new TestGuest()]
  const exports = await Promise.all(guests.map((guest) => instantiate(guest, 'wait')))
  const calls = exports.map((wait) => WebAssembly.promising(wait)(100_000_000n))
  expect(guests.map(({ host }) => host.pendingWaits)).toEqual([1, 1])
  expect(await Promise.all(calls)).toEqual([0, 0])
  expect(guests.map(({ log }) => log)).toEqual(['waited', 'waited'])
})

test('an abort unwinds a guest that waits for an hour', async () => {
  const abort = new AbortController()
  const guest = new TestGuest({ signal: abort.signal })
  const wait = await instantiate(guest, 'wait')
  const call = WebAssembly.promising(wait)(3_600_000_000_000n)
  abort.abort()
  await expect(call).rejects.toThrow(InvocationAborted)
  expect([guest.log, guest.host.failure]).toEqual(['', expect.any(InvocationAborted)])
})

test.each(['leave', 'leave-and-go-on'])('exit unwinds a guest, even one that catches everything: %s', async (name) => {
  expect(await instantiate(new TestGuest(), name)).toThrow(GuestExit)
})
