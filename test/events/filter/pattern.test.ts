import { expect, it } from 'vitest'
import { ThawError } from '../../../src/errors.ts'
import { compileCriteria } from '../../../src/events/filter/criteria.ts'
import { compilePattern } from '../../../src/events/filter/pattern.ts'

const matches = (pattern: unknown, event: unknown) => compilePattern(JSON.stringify(pattern)).matches(event)
const field = (list: unknown[], value: unknown) => matches({ a: list }, { a: value })

it.each<[name: string, list: unknown[], fits: unknown[], not: unknown[]]>([
  ['text', ['x'], ['x', ['y', 'x'], [['x']]], ['X', 'xx', '', null, [], {}]],
  ['numbers', [5, 1.5], [5, 5.0, 1.5], ['5', 6, true]],
  ['null', [null], [null], ['null', '', 0, false, undefined]],
  ['booleans', [true], [true], [false, 'true', 1]],
  ['empty text', [''], [''], [null, ' ']],
  ['prefix', [{ prefix: 'us-' }], ['us-1', 'us-'], ['US-1', 'eus-1', 5, null]],
  ['prefix ignoring case', [{ prefix: { 'equals-ignore-case': 'Us-' } }], ['uS-1'], ['eUs-']],
  ['suffix', [{ suffix: '.png' }], ['a.png', '.png'], ['a.PNG', 'png']],
  ['suffix ignoring case', [{ suffix: { 'equals-ignore-case': '.Png' } }], ['a.pNG'], ['a.pn']],
  ['equals-ignore-case', [{ 'equals-ignore-case': 'AlicE' }], ['alice', 'ALICE'], ['alic', 'alicee', 5]],
  ['anything-but a text', [{ 'anything-but': 'x' }], ['y', 5, null, true, ['x', 'y']], ['x', [], undefined, {}]],
  ['anything-but texts', [{ 'anything-but': ['x', 'y'] }], ['z', ''], ['x', 'y', ['x', 'y']]],
  ['anything-but numbers', [{ 'anything-but': [1, 2.5] }], [3, '1', null], [1, 2.5, 1.0]],
  ['anything-but prefix', [{ 'anything-but': { prefix: 'in' } }], ['x', 4], ['init']],
  ['anything-but prefixes', [{ 'anything-but': { prefix: ['in', 'un'] } }], ['x'], ['init', 'undo']],
  ['anything-but suffix', [{ 'anything-but': { suffix: 'in' } }], ['int'], ['in', 'tin']],
  ['anything-but suffixes', [{ 'anything-but': { suffix: ['in', 't'] } }], ['inx'], ['in', 't']],
  ['anything-but ignoring case', [{ 'anything-but': { 'equals-ignore-case': ['in', 'T'] } }], ['inn'], ['IN', 't']],
  ['anything-but wildcard', [{ 'anything-but': { wildcard: '*/lib/*' } }], ['/lib'], ['/usr/lib/x']],
  ['numeric =', [{ numeric: ['=', 3.018e2] }], [301.8], [301, '301.8']],
  ['numeric <', [{ numeric: ['<', 10] }], [9.999999, -5e9], [10, '9', -6e9]],
  ['numeric <=', [{ numeric: ['<=', 10] }], [10], [10.000001]],
  ['numeric >', [{ numeric: ['>', 10] }], [10.000001, 5e9], [10, 5e9 + 1]],
  ['numeric >=', [{ numeric: ['>=', 10] }], [10], [9.999999]],
  ['numeric range', [{ numeric: ['>', 0, '<=', 5] }], [5, 0.1], [0, 5.1]],
  ['numbers to six digits', [{ numeric: ['=', 0.1234567] }], [0.1234568], [0.1234555]],
  ['cidr', [{ cidr: '10.0.1.77/24' }], ['10.0.1.0', '10.0.1.255'], ['10.0.2.0', '10.0.1', '::10.0.1.0', 5]],
  ['cidr of all', [{ cidr: '0.0.0.0/0' }], ['255.255.255.255'], ['x', '::1']],
  [
    'cidr IPv6',
    [{ cidr: '2001:db8::/33' }],
    ['2001:DB8:7fff::1', '2001:db8::192.0.2.1'],
    ['2001:db8:8000::', '10.0.0.1'],
  ],
  ['exists', [{ exists: true }], [1, null, '', [1], [[false]]], [undefined, {}, { b: 1 }, []]],
  ['exists false', [{ exists: false }], [undefined, {}, { b: 1 }, [], [{}]], [1, null, '']],
  ['exists false or a value', [{ exists: false }, 'x'], [undefined, 'x'], ['y']],
  ['wildcard', [{ wildcard: 'dir/*.png' }], ['dir/.png', 'dir/a.png'], ['dir/.pn', 'x/a.png', 5]],
  ['wildcard many', [{ wildcard: '*ab*ab*' }], ['abab', 'xaabyabz'], ['aba', 'ab']],
  ['wildcard ends do not overlap', [{ wildcard: 'aba*aba' }], ['abaaba'], ['ababa', 'aba']],
  ['wildcard pieces do not overlap the end', [{ wildcard: '*ab*b' }], ['abb', 'abxb'], ['ab']],
  ['wildcard escapes', [{ wildcard: 'a\\*b\\\\*' }], ['a*b\\', 'a*b\\c'], ['axb\\', 'a*b']],
  ['wildcard alone', [{ wildcard: '*' }], ['', 'x'], [1]],
  ['wildcard none', [{ wildcard: 'abc' }], ['abc'], ['abcd', 'xabc']],
  ['one of several', ['x', { prefix: 'y' }, 5], ['x', 'yy', 5], ['z', 6]],
])('matches %s', (_name, list, fits, not) => {
  for (const value of fits) expect([value, field(list, value)]).toEqual([value, true])
  for (const value of not) expect([value, field(list, value)]).toEqual([value, false])
})

it('wants all fields, at any depth, and ignores others', () => {
  const pattern = { a: { b: ['x'], c: { d: [1] } } }
  expect(matches(pattern, { z: 1, a: { b: 'x', c: { d: 1, e: 2 } } })).toBe(true)
  expect(matches(pattern, { a: { b: 'x', c: { d: 2 } } })).toBe(false)
  expect(matches(pattern, { a: { b: 'x' } })).toBe(false)
  expect(matches(pattern, { a: 'x' })).toBe(false)
  expect(matches(pattern, null)).toBe(false)
})

it('takes all fields of an object in an array from the same element', () => {
  const pattern = { a: { b: ['x'], c: [1] } }
  expect(matches(pattern, { a: [{ b: 'x', c: 1 }] })).toBe(true)
  expect(matches(pattern, { a: [[{ b: 'y' }], [{ b: 'x', c: [2, 1] }]] })).toBe(true)
  const mixed = {
    a: [
      { b: 'x', c: 2 },
      { b: 'y', c: 1 },
    ],
  }
  expect(matches(pattern, mixed)).toBe(false)
})

it('takes the alternatives of $or from the same element as what stands beside it', () => {
  const pattern = { a: { b: ['x'] }, $or: [{ a: { c: [1] } }, { d: [1] }] }
  expect(matches(pattern, { a: [{ b: 'x', c: 1 }] })).toBe(true)
  expect(matches(pattern, { a: [{ b: 'x' }], d: 1 })).toBe(true)
  expect(matches(pattern, { a: [{ b: 'x' }, { c: 1 }] })).toBe(false)
})

it('asks the whole event whether a field is absent', () => {
  const pattern = { a: { b: ['x'], c: [{ exists: false }] } }
  expect(matches(pattern, { a: [{ b: 'x' }, { b: 'y' }] })).toBe(true)
  expect(matches(pattern, { a: [{ b: 'x' }, { b: 'y', c: 1 }] })).toBe(false)
  expect(matches({ a: { b: [{ exists: false }] } }, {})).toBe(true)
})

it('knows $or with and beside and within it', () => {
  const pattern = {
    source: ['s'],
    $or: [{ m: ['CPU'] }, { t: ['T'], n: ['N'], $or: [{ i: [1] }, { j: [2] }] }, { scope: ['Service'] }],
  }
  expect(matches(pattern, { source: 's', m: 'CPU' })).toBe(true)
  expect(matches(pattern, { source: 's', t: 'T', n: 'N', j: 2 })).toBe(true)
  expect(matches(pattern, { source: 's', t: 'T', n: 'N', j: 1 })).toBe(false)
  expect(matches(pattern, { source: 's', scope: 'Service' })).toBe(true)
  expect(matches(pattern, { source: 'x', m: 'CPU' })).toBe(false)
  const parallel = { $or: [{ a: [1] }, { b: [1] }], c: { $or: [{ d: [1] }, { e: [1] }] } }
  expect(matches(parallel, { b: 1, c: { e: 1 } })).toBe(true)
  expect(matches(parallel, { b: 1, c: {} })).toBe(false)
})

it('takes $or for a field where it can be nothing else', () => {
  expect(matches({ $or: { a: [1] } }, { $or: { a: 1 } })).toBe(true)
  expect(matches({ $or: ['x'] }, { $or: 'x' })).toBe(true)
  expect(matches({ $or: [{ prefix: 'x' }, { suffix: 'y' }] }, { $or: 'ay' })).toBe(true)
})

it('does not reach into prototypes', () => {
  expect(matches({ constructor: { name: ['Object'] } }, {})).toBe(false)
  expect(compilePattern('{"__proto__":["x"]}').matches(JSON.parse('{"__proto__":"x"}'))).toBe(true)
})

const wide = (count: number) => Array.from({ length: count }, (_, at) => ({ [`f${at}`]: [1] }))

it.each<[name: string, text: string]>([
  ['null', 'null'],
  ['a string', '"simple string"'],
  ['no JSON', 'simple string'],
  ['empty text', ''],
  ['a list', '[]'],
  ['an empty object', '{}'],
  ['an empty object inside', '{"a":{}}'],
  ['a value that is no list', '{"eventSource":"aws:sqs"}'],
  ['an empty list', '{"eventSource":[]}'],
  ['a list in a list', '{"a":[[1]]}'],
  ['an unknown operator', '{"a":[{"matches":"x"}]}'],
  ['two operators', '{"a":[{"prefix":"x","suffix":"y"}]}'],
  ['no operator', '{"a":[{}]}'],
  ['prefix of a number', '{"a":[{"prefix":1}]}'],
  ['prefix of an operator', '{"a":[{"prefix":{"wildcard":"a"}}]}'],
  ['numeric of text', '{"a":[{"numeric":["=","1"]}]}'],
  ['numeric upside down', '{"a":[{"numeric":[">",5,"<",3]}]}'],
  ['numeric in the wrong order', '{"a":[{"numeric":["<",5,">",3]}]}'],
  ['numeric of three', '{"a":[{"numeric":[">",5,"<"]}]}'],
  ['numeric unknown', '{"a":[{"numeric":["!=",5]}]}'],
  ['numeric out of range', '{"a":[{"numeric":["<",5000000001]}]}'],
  ['numeric empty', '{"a":[{"numeric":[]}]}'],
  ['exists of text', '{"a":[{"exists":"true"}]}'],
  ['exists with more', '{"a":[{"exists":true,"prefix":"a"}]}'],
  ['anything-but nothing', '{"a":[{"anything-but":[]}]}'],
  ['anything-but null', '{"a":[{"anything-but":null}]}'],
  ['anything-but mixed', '{"a":[{"anything-but":["a",1]}]}'],
  ['anything-but empty prefix', '{"a":[{"anything-but":{"prefix":""}}]}'],
  ['anything-but numeric', '{"a":[{"anything-but":{"numeric":["=",1]}}]}'],
  ['cidr without mask', '{"a":[{"cidr":"10.0.0.1"}]}'],
  ['cidr of one address', '{"a":[{"cidr":"10.0.0.1/32"}]}'],
  ['cidr of one IPv6 address', '{"a":[{"cidr":"::1/128"}]}'],
  ['cidr of no address', '{"a":[{"cidr":"10.0.0/8"}]}'],
  ['wildcard with two stars', '{"a":[{"wildcard":"a**"}]}'],
  ['wildcard with a bad escape', '{"a":[{"wildcard":"a\\\\b"}]}'],
  ['wildcard with an open escape', '{"a":[{"wildcard":"a\\\\"}]}'],
  ['$or of one', '{"$or":[{"a":[1]}]}'],
  ['$or of an operator deep inside', '{"$or":[{"b":{"prefix":["x"]}},{"a":[1]}]}'],
  ['$or with an empty object', '{"$or":[{"a":[1]},{}]}'],
  ['too long', JSON.stringify({ a: ['x'.repeat(4_096)] })],
  ['too many combinations', JSON.stringify({ a: { $or: wide(40) }, b: { $or: wide(26) } })],
  ['too deep', `${'{"a":'.repeat(202)}[1]${'}'.repeat(202)}`],
])('refuses %s', (_name, text) => {
  let thrown: unknown
  try {
    compilePattern(text)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(ThawError)
  expect(thrown).toMatchObject({ code: 'InvalidParameterValue', message: 'Invalid filter pattern definition.' })
})

it('takes a thousand combinations', () => {
  expect(matches({ a: { $or: wide(40) }, b: { $or: wide(25) } }, { a: { f39: 1 }, b: { f24: 1 } })).toBe(true)
})

it('does not hang on hostile patterns and events', () => {
  const wildcards = Array.from({ length: 60 }, (_, at) => ({ wildcard: `*${'a'.repeat(20)}b${at}*c` }))
  const started = performance.now()
  field(wildcards, 'a'.repeat(1_000_000))
  matches(
    { a: { b: ['x'] }, $or: wide(40).map((or) => ({ a: or })) },
    { a: Array.from({ length: 300_000 }, () => ({ b: 'x' })) },
  )
  expect(performance.now() - started).toBeLessThan(5_000)
  let deep: unknown = 'x'
  for (let level = 0; level < 100_000; level++) deep = [deep]
  expect(field(['x'], deep)).toBe(true)
})

it('passes what matches one of the patterns, and all if there are none', () => {
  const criteria = compileCriteria(['{"body":{"a":[1]}}', '{"body":["plain"]}'])
  expect([{ a: 1 }, 'plain', { a: 2 }, 'other'].map((body) => criteria.passes({ body }))).toEqual([
    true,
    true,
    false,
    false,
  ])
  expect(compileCriteria([]).passes({})).toBe(true)
})
