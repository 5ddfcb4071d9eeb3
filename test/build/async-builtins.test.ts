/** The component model's concurrency, as a plan has it. */
import { beforeAll, describe, expect, test } from 'vitest'
import { readLinkPlan } from '../../src/build/link-plan.ts'
import { transpile } from '../../src/build/transpile.ts'
import type { ImportRef } from '../../src/instance/plan.ts'
import { watComponent } from '../support/guests.ts'
import { watHttpGuest } from '../support/http-guests.ts'

function refsOf(glue: string, entry: 'http-0.3' | 'event' = 'http-0.3'): ImportRef[] {
  const { plan } = readLinkPlan(glue, entry)
  return plan.steps.flatMap(({ imports }) => Object.values(imports).flatMap((refs) => Object.values(refs)))
}

describe('of guests of wasi:http 0.3', () => {
  let refs: ImportRef[]

  beforeAll(async () => {
    const names = ['blocking', 'cancel-read', 'echo', 'proxy', 'sent', 'trailers']
    refs = []
    for (const name of names) refs.push(...refsOf((await transpile(await watHttpGuest('0.3', name))).glue))
  }, 120_000)

  const builtins = () => refs.flatMap((ref) => (ref.kind === 'async' ? [ref.builtin] : []))

  test.each([
    'waitable-set.new',
    'waitable-set.drop',
    'waitable-set.wait',
    'waitable.join',
    'subtask.drop',
    'stream.new',
    'stream.read',
    'stream.write',
    'stream.cancel-read',
    'stream.drop-readable',
    'stream.drop-writable',
    'future.new',
    'future.read',
    'future.write',
    'future.drop-readable',
    'future.drop-writable',
  ])('%s is linked', (name) => {
    expect(builtins().map((builtin) => builtin.name)).toContain(name)
  })

  test('futures are told apart by what they carry', () => {
    const elements = builtins().flatMap((builtin) => ('element' in builtin ? [builtin.element] : []))
    expect([...new Set(elements)].toSorted()).toEqual(expect.arrayContaining(['http-result', 'http-trailers']))
  })

  test('imports lowered asynchronously, of the interface of 0.3', () => {
    expect(refs).toContainEqual(
      expect.objectContaining({ kind: 'lower-async', iface: 'wasi:http/client@0.3', func: 'send' }),
    )
  })
})

describe('what is not linked is refused by name', () => {
  const component = (type: string, canon: string, core: string) => `(component
    ${type}
    (core func $f (canon ${canon}))
    (core module $m
      (import "" "f" (func ${core}))
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
      (func (export "handle") (result i32) i32.const 0)
      (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
    (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
    (func (export "handle") async (canon lift (core func $i "handle") async (callback (core func $i "cb")))))`

  test.each([
    [
      'a stream of numbers',
      '(type $t (stream u32))',
      'stream.new $t',
      '(result i64)',
      'a stream of a type that no interface of WASI has',
    ],
    [
      'a future of its own',
      '(type $t (future u32))',
      'future.new $t',
      '(result i64)',
      'a future of a type that no interface of WASI has',
    ],
  ])('%s', async (_name, type, canon, core, message) => {
    const { glue } = await transpile(await watComponent(component(type, canon, core)))
    expect(() => refsOf(glue)).toThrow(message)
  })
})
