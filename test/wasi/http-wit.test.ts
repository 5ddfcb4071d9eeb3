/** Names, order and layout against the WIT itself, as jco brings it along. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FlatReader } from '../../src/wasi/abi/type.ts'
import type { AbiType, CoreValue } from '../../src/wasi/abi/type.ts'
import { AbiContext } from '../../src/wasi/abi/context.ts'
import { errorCode, headerError, method, scheme } from '../../src/wasi/http/abi.ts'
import { findFunction, offeredFunctions } from '../../src/wasi/offered.ts'
import { guestShared, TestGuest } from './support.ts'

const wit = (name: string) =>
  readFileSync(
    join(import.meta.dirname, `../../node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12/${name}/package.wit`),
    'utf8',
  )

function blockOf(text: string, head: string): string {
  const begin = text.indexOf(`${head} {`)
  let depth = 0
  for (let at = begin; at < text.length; at++) {
    if (text[at] === '{') depth += 1
    if (text[at] === '}' && --depth === 0) return text.slice(text.indexOf('{', begin) + 1, at)
  }
  throw new Error(`the WIT has no ${head}`)
}

/** The core names of an interface's functions, its resources' drops included. */
function functionsOf(iface: string): string[] {
  const resources = [...iface.matchAll(/resource ([\w-]+) \{/g)].map(([, name = '']) => name)
  const methods = resources.flatMap((resource) => {
    const block = blockOf(iface, `resource ${resource}`)
    return [...block.matchAll(/%?([\w-]+)(?:: (static )?func)?\(/g)].flatMap(([whole, name = '', isStatic]) => {
      if (name === 'constructor') return [`[constructor]${resource}`]
      if (!whole.includes('func')) return []
      return [`[${isStatic === undefined ? 'method' : 'static'}]${resource}.${name}`]
    })
  })
  const free = resources.reduce((text, resource) => text.replace(blockOf(text, `resource ${resource}`), ''), iface)
  const functions = [...free.matchAll(/([\w-]+): func\(/g)].map(([, name = '']) => name)
  return [...methods, ...functions, ...resources.map((name) => `[resource-drop]${name}`)].toSorted()
}

test.each([
  ['wasi-http', 'types', 'wasi:http/types'],
  ['wasi-http', 'outgoing-handler', 'wasi:http/outgoing-handler'],
  ['wasi-io', 'error', 'wasi:io/error'],
  ['wasi-io', 'poll', 'wasi:io/poll'],
  ['wasi-io', 'streams', 'wasi:io/streams'],
])('%s: the functions of %s are those of the WIT', (name, iface, offered) => {
  const ours = offeredFunctions().flatMap(([iface, func]) => (iface === offered ? [func] : []))
  const theirs = functionsOf(blockOf(wit(name), `interface ${iface}`))
  expect(theirs.length).toBeGreaterThan(0)
  expect(ours.toSorted()).toEqual(theirs)
})

const types: [string, AbiType<unknown>][] = [
  ['error-code', errorCode],
  ['method', method],
  ['scheme', scheme],
  ['header-error', headerError],
]

test.each(types)('the cases of %s are those of the WIT, in its order', (name, type) => {
  const cases = [...blockOf(wit('wasi-http'), `variant ${name}`).matchAll(/^\s*([\w-]+)/gm)].map(([, tag]) => tag)
  const guest = new TestGuest()
  const cx = new AbiContext(guest.options, guestShared)
  const lift = (index: number) => {
    const flat = type.flat.map((slot, at): CoreValue => (at === 0 ? index : slot === 'i32' ? 0 : 0n))
    const value = type.lift(cx, new FlatReader(flat))
    return typeof value === 'object' && value !== null && 'tag' in value ? value.tag : value
  }
  expect(cases.map((_tag, index) => lift(index))).toEqual(cases)
  expect(() => lift(cases.length)).toThrow(`with ${cases.length} cases`)
})

// As wit-bindgen has them: what does not fit 16 goes through memory, results of more than one value too.
test.each([
  ['wasi:http/types', '[static]response-outparam.set', 'i32 i32 i32 i32 i64 i32 i32 i32 i32'],
  ['wasi:http/types', '[static]outgoing-body.finish', 'i32 i32 i32'],
  ['wasi:http/types', '[method]outgoing-request.set-method', 'i32 i32 i32 i32'],
  ['wasi:http/types', '[method]outgoing-request.set-scheme', 'i32 i32 i32 i32 i32'],
  ['wasi:http/types', '[method]request-options.set-connect-timeout', 'i32 i32 i64'],
  ['wasi:http/types', '[method]fields.set', 'i32 i32 i32 i32 i32'],
  ['wasi:http/outgoing-handler', 'handle', 'i32 i32 i32'],
])('%s %s takes %s', (iface, func, flat) => {
  expect(findFunction(iface, func)?.params.flat.join(' ')).toBe(flat)
})

test.each([
  ['error-code', errorCode, 32, 8],
  ['method', method, 12, 4],
  ['scheme', scheme, 12, 4],
] as const)('%s has its layout', (_name, type, size, align) => {
  expect([type.size, type.align]).toEqual([size, align])
})
